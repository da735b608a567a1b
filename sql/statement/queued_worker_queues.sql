-- Worker queues with queued runs of an environment, and their number, up to a hundred. Each step jumps to the next one in
-- the index.
-- :shard smallint
-- :environment_id text
-- -> worker_queue text, item_count bigint
-- Locks: none. Index: queue_item_order, queue_item_lane.
with recursive known as (
    (select q.worker_queue
     from engine.queue_item as q
     where not q.is_filed
     order by q.worker_queue
     limit 1)
    union all
    select (
        select q.worker_queue
        from engine.queue_item as q
        where q.worker_queue > k.worker_queue and not q.is_filed
        order by q.worker_queue
        limit 1)
    from known as k
    where k.worker_queue is not null
)
select c.worker_queue, sum(c.count)::bigint as item_count
from (
    select k.worker_queue, n.count
    from known as k
    cross join lateral (
        select count(*)
        from (
            select
            from engine.queue_item as q
            where q.worker_queue = k.worker_queue and q.environment_id = :environment_id and not q.is_filed
            limit 100) as q
    ) as n
    where k.worker_queue is not null and n.count > 0
    union all
    select f.worker_queue, count(*)
    from (
        select q.worker_queue
        from engine.queue_item as q
        where q.shard = :shard and q.environment_id = :environment_id and q.is_filed
        limit 100) as f
    group by f.worker_queue
) as c
group by c.worker_queue
