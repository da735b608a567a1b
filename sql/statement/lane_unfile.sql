-- Returns the items of lanes without a limit to their queues.
-- :shard smallint
-- :environment_id text
-- :queues text[]
-- :concurrency_keys text[]: concurrency key of each lane
-- :max_items integer: most items
-- Locks: items, SKIP LOCKED: a locked one comes later. The lanes are held. Index: queue_item_lane.
update engine.queue_item as i
set is_filed = false,
    is_ahead = true
from (
    select o.run_id
    from unnest(:queues, :concurrency_keys) as g(queue, concurrency_key)
    cross join lateral (
        select o.run_id
        from engine.queue_item as o
        where o.shard = :shard and o.environment_id = :environment_id and o.queue = g.queue and o.concurrency_key = g.concurrency_key
          and o.is_filed
        limit :max_items
        for update skip locked
    ) as o
    limit :max_items
) as filed
where i.shard = :shard and i.run_id = filed.run_id
