-- Records that the end of a locked run completes a waitpoint.
-- :shard smallint
-- :run_id text
-- Locks: run state held by run_lock. Index: run_state_pkey.
update engine.run_state as s
set has_waitpoint = true
where s.shard = :shard and s.run_id = :run_id
