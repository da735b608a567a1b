-- Postpones the next check of suspended runs that still wait: the interval doubles each time, up to six hours.
-- :shard smallint
-- :now timestamptz
-- One array element per run:
-- :run_id text[]
-- :is_longest boolean[]: whether it rests for the longest pause at once
-- Locks: held by heartbeat_due_lock. Index: heartbeat_pkey, heartbeat_check.
update engine.heartbeat as h
set deadline_at = :now + case when g.is_longest then 21600000 else least(h.interval_ms, 21600000) end * interval '1 millisecond',
    check_at = :now + case when g.is_longest then 21600000 else least(h.interval_ms, 21600000) end * interval '1 millisecond',
    interval_ms = least(h.interval_ms * 2, 21600000)
from unnest(:run_id, :is_longest) as g(run_id, is_longest)
where h.shard = :shard and h.run_id = g.run_id
