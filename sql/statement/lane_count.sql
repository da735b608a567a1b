-- The number of held slots of lanes, in the given order, each counted up to its limit.
-- :shard smallint
-- :environment_id text
-- One array element per lane:
-- :queue text[]
-- :concurrency_key text[]
-- :cap integer[]: its limit
-- :is_unfitted boolean: whether rows are not adapted to the limits yet: then slots without the mark count too
-- -> count bigint
-- Locks: none; the lanes are held, so that no other session takes one of their slots. A separate statement after they were
-- taken: taking them in the same one would not see what their last holder wrote.
-- Index: heartbeat_counted.
select (
    select count(*)
    from (
        select
        from engine.heartbeat as h
        where h.shard = :shard and h.environment_id = :environment_id and h.queue = g.queue and h.concurrency_key = g.concurrency_key
          and h.is_counted
        union all
        select
        from engine.heartbeat as h
        where :is_unfitted and h.shard = :shard and h.environment_id = :environment_id and h.queue = g.queue
          and h.concurrency_key = g.concurrency_key and h.holds_slot and not h.is_counted
        limit g.cap) as held)
from unnest(:queue, :concurrency_key, :cap) with ordinality as g(queue, concurrency_key, cap, place)
order by g.place
