-- Sets the next check of deadlines that beats have moved since the last one.
-- :shard smallint
-- :run_ids text[]
-- Locks: held by heartbeat_due_lock. Index: heartbeat_pkey, heartbeat_check.
update engine.heartbeat as h
set check_at = h.deadline_at
where h.shard = :shard and h.run_id = any (:run_ids)
