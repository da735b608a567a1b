-- Whether an item that is ahead of its time is due.
-- :shard smallint
-- :worker_queue text
-- :environment_id text
-- :now timestamptz
-- -> exists boolean
-- Locks: none. Index: queue_item_order.
select exists (
    select
    from engine.queue_item as q
    where q.shard = :shard and q.worker_queue = :worker_queue and q.environment_id = :environment_id and not q.is_filed and q.is_ahead
      and q.available_at <= :now)
