select run_id from engine_dequeue()
