-- Whether items that are not filed are due: whether one is ahead of its time, and whether another one is. They may be locked, or
-- no run's.
-- :worker_queue text
-- :environment_id text
-- :now timestamptz
-- :low timestamptz: time before which only items ahead of their time are live
-- -> is_ahead boolean, is_in_time boolean
-- Locks: none. Index: queue_item_order.
select exists (
           select
           from engine.queue_item as q
           where q.worker_queue = :worker_queue and q.environment_id = :environment_id and not q.is_filed
             and q.is_ahead and q.available_at <= :now) as is_ahead,
       exists (
           select
           from engine.queue_item as q
           where q.worker_queue = :worker_queue and q.environment_id = :environment_id and not q.is_filed
             and not q.is_ahead and q.available_at >= :low and q.available_at <= :now) as is_in_time
