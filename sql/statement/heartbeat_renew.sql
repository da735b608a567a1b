-- Renews the deadlines of runs, with the same interval as before.
-- $1 smallint shard, $2 timestamptz now, $3 text[] run ids
-- Locks: held by heartbeat_due_lock. Index: heartbeat_pkey, heartbeat_check.
update engine.heartbeat as h
set deadline_at = $2 + h.interval_ms * interval '1 millisecond',
    check_at = $2 + h.interval_ms * interval '1 millisecond'
where h.shard = $1 and h.run_id = any ($3)
