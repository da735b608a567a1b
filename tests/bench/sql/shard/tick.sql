select kind, processed from engine_tick()
