-- Sets the next check of deadlines that beats have moved since the last one.
-- $1 smallint shard, $2 text[] run ids
-- Locks: held by heartbeat_due_lock. Index: heartbeat_pkey, heartbeat_check.
update engine.heartbeat as h
set check_at = h.deadline_at
where h.shard = $1 and h.run_id = any ($2)
