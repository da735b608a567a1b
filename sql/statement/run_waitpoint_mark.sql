-- Records that the end of a locked run completes a waitpoint.
-- $1 smallint shard, $2 text run id
-- Locks: run state held by run_lock. Index: run_state_pkey.
update engine.run_state as s
set has_waitpoint = true
where s.shard = $1 and s.run_id = $2
