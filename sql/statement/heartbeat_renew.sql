-- Renews the deadlines of runs, with the same interval as before.
-- :shard smallint
-- :now timestamptz
-- :run_ids text[]
-- Locks: held by heartbeat_due_lock. Index: heartbeat_pkey, heartbeat_check.
update engine.heartbeat as h
set deadline_at = :now + h.interval_ms * interval '1 millisecond',
    check_at = :now + h.interval_ms * interval '1 millisecond'
where h.shard = :shard and h.run_id = any (:run_ids)
