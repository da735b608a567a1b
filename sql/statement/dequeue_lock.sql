-- Picks the next due runs of queues without limits and locks them, with the details that a worker needs. What their
-- snapshots carry is read by dequeue_carried, for the few that carry something: a statement costs what it might do.
-- :shard smallint
-- :worker_queue text
-- :environment_id text
-- :now timestamptz
-- :max_runs integer: most rows
-- :low timestamptz: time before which only items ahead of their time are live
-- :is_ahead boolean: whether to take items that are ahead
-- :stops_at_others boolean: whether to stop at the first item of the other part, so that both are taken in one order
-- :locked_run_ids text[]: run ids that this call has locked already, which SKIP LOCKED does not skip
-- :limited_queues text[]: queues with a limit
-- -> the columns in columns/candidate.sql
-- Locks: queue items, then run states, both SKIP LOCKED: dequeues never wait, neither for each other nor for other sessions.
-- The run's lock is the fence: its status is read again after the lock is held. The item's lock is for speed: if a run was
-- claimed since this statement began, its item is gone and is skipped at once; its state is not, and would be locked, read
-- again, and kept locked until the commit. The subquery is ordered by its index and has no limit: an item whose run is
-- locked is replaced by the next one. `offset 0` keeps the join a primary-key lookup per claimed run: the planner assumes
-- that a LIMIT parameter is a tenth of the queue, and would hash the whole table. An item whose time to live has passed is
-- skipped, whether it was expired or not. Index: queue_item_order, then primary keys.
select :columns
from (
    select s.*
    from (
        select q.run_id
        from engine.queue_item as q
        where q.worker_queue = :worker_queue and q.environment_id = :environment_id and not q.is_filed and q.is_ahead = :is_ahead
          and q.available_at >= case when :is_ahead then '-infinity' else :low end
          and q.available_at <= least(:now, case when :stops_at_others then (
                select min(o.available_at)
                from engine.queue_item as o
                where o.worker_queue = :worker_queue and o.environment_id = :environment_id and not o.is_filed
                  and o.is_ahead = not :is_ahead and o.available_at >= case when :is_ahead then :low else '-infinity' end) end)
          and (q.expires_at is null or q.expires_at > :now) and q.run_id <> all (:locked_run_ids) and q.queue <> all (:limited_queues)
        order by q.available_at, q.run_id
        for update skip locked
    ) as q
    cross join lateral (
        select s.*
        from engine.run_state as s
        where s.shard = :shard and s.run_id = q.run_id and s.execution_status in ('QUEUED', 'QUEUED_EXECUTING')
        for no key update skip locked
    ) as s
    limit :max_runs
) as i
cross join lateral (
    select d.*
    from engine.dequeue_detail as d
    where d.shard = :shard and d.run_id = i.run_id
    offset 0
) as d
