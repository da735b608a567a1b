-- The number of held slots of lanes, in the given order, each counted up to its limit.
-- $1 smallint shard, $2 text environment id
-- then one array element per lane: $3 queue, $4 concurrency key, $5 its limit
-- $6 boolean whether what is there has not been fitted to the limits: then slots count that do not say so
-- Locks: none; the lanes are held, so that no other session takes one of their slots. A separate statement after they were
-- taken: taking them in the same one would not see what their last holder wrote.
-- Index: heartbeat_counted.
select (
    select count(*)
    from (
        select
        from engine.heartbeat as h
        where h.shard = $1 and h.environment_id = $2 and h.queue = g.queue and h.concurrency_key = g.concurrency_key
          and h.is_counted
        union all
        select
        from engine.heartbeat as h
        where $6 and h.shard = $1 and h.environment_id = $2 and h.queue = g.queue
          and h.concurrency_key = g.concurrency_key and h.holds_slot and not h.is_counted
        limit g.cap) as held)
from unnest($3, $4, $5) with ordinality as g(queue, concurrency_key, cap, place)
order by g.place
