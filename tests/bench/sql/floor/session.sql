-- A session of the floor plans as the engine does: once, and lookups only.
set plan_cache_mode = force_generic_plan;
set enable_hashjoin = off;
set enable_mergejoin = off;
set enable_seqscan = off;
set enable_sort = off;
set jit = off;
