-- Returns the items of lanes without a limit to their queues.
-- $1 smallint shard, $2 text environment id, $3 text[] queue and $4 text[] concurrency key of each lane, $5 integer how many
-- items at most
-- Locks: items, SKIP LOCKED: a locked one comes later. The lanes are held. Index: queue_item_lane.
update engine.queue_item as i
set is_filed = false,
    is_ahead = true
from (
    select o.run_id
    from unnest($3, $4) as g(queue, concurrency_key)
    cross join lateral (
        select o.run_id
        from engine.queue_item as o
        where o.shard = $1 and o.environment_id = $2 and o.queue = g.queue and o.concurrency_key = g.concurrency_key
          and o.is_filed
        limit $5
        for update skip locked
    ) as o
    limit $5
) as filed
where i.shard = $1 and i.run_id = filed.run_id
