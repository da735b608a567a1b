-- When locked runs enter their queues, and in which order, sorted by their ids.
-- :shard smallint
-- :run_ids text[]
-- -> id text, delay_until timestamptz null, queue_timestamp timestamptz, priority_ms bigint, ttl text null,
-- -> environment_id text, queue text
-- Locks: none; the runs are locked, and no other session changes their options. Index: run_pkey.
select r.id, r.delay_until, r.queue_timestamp, coalesce(r.priority_ms, 0) as priority_ms, r.ttl, r.environment_id, r.queue
from (
    select g.run_id
    from unnest(:run_ids) as g(run_id)
    order by g.run_id collate "C"
) as g
cross join lateral (
    select r.id, r.delay_until, r.queue_timestamp, r.priority_ms, r.ttl, r.environment_id, r.queue
    from engine.run as r
    where r.shard = :shard and r.id = g.run_id
    offset 0
) as r
