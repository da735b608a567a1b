-- Whether a dequeue has to look at lanes: one is open, a slot was given back, or one of the next unfiled items belongs to a
-- queue with a limit. If not, the next runs are those of the other queues, however much is blocked.
-- :worker_queue text
-- :environment_id text
-- :now timestamptz
-- :max_unfiled integer: number of unfiled items to read
-- :limited_queues text[]: queues with a limit
-- :low timestamptz: time before which only items ahead of their time are live
-- -> are_due boolean
-- Locks: none; what appears meanwhile is left to the next dequeue. Index: lane_open, release_environment, queue_item_order.
select exists (
    select from engine.lane as l
    where l.worker_queue = :worker_queue and l.environment_id = :environment_id and l.is_open
) or exists (
    select from engine.release as r
    where r.environment_id = :environment_id
) or exists (
    select
    from (
        select q.queue
        from engine.queue_item as q
        where q.worker_queue = :worker_queue and q.environment_id = :environment_id and not q.is_filed and q.is_ahead
          and q.available_at <= :now
        order by q.available_at, q.run_id
        limit :max_unfiled
    ) as q
    where q.queue = any (:limited_queues)
) or exists (
    select
    from (
        select q.queue
        from engine.queue_item as q
        where q.worker_queue = :worker_queue and q.environment_id = :environment_id and not q.is_filed and not q.is_ahead
          and q.available_at >= :low and q.available_at <= :now
        order by q.available_at, q.run_id
        limit :max_unfiled
    ) as q
    where q.queue = any (:limited_queues)
) as are_due
