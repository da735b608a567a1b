-- Picks the next due runs of queues without limits and locks them, with the details that a worker needs. What their
-- snapshots carry is read by claim_carried, for the few that carry something: a statement costs what it might do.
-- $1 smallint shard, $2 text worker queue, $3 text environment id, $4 timestamptz now, $5 integer how many,
-- $6 timestamptz before which nothing is alive of those that are not ahead of their time, $7 boolean whether to take those
-- that are ahead, $8 boolean whether to stop at the first one of the others, so that both go in one order,
-- $9 text[] run ids that this call has locked already: its own locks do not make it skip them,
-- $10 text[] queues that have a limit
-- Locks: queue items, then run states, both SKIP LOCKED: dequeues never wait, neither for each other nor for other sessions.
-- The run's lock is the fence: its status is read again after the lock is held. The item's lock is for speed: if a run was
-- claimed since this statement began, its item is gone and is skipped at once; its state is not, and would be locked, read
-- again, and kept locked until the commit. The subquery is ordered by its index and has no limit: an item whose run is
-- locked is replaced by the next one. `offset 0` keeps the join a primary-key lookup per claimed run: the planner assumes
-- that a LIMIT parameter is a tenth of the queue, and would hash the whole table. An item whose time to live has passed is
-- skipped, whether it was expired or not. Index: queue_item_claim, then primary keys.
select i.run_id, i.run_status, i.execution_status, i.snapshot_id, i.snapshot_ordinal, i.attempt_number,
       coalesce(i.max_attempts, d.max_attempts), i.queue_attempts, i.released_attempts, coalesce(i.machine, d.machine), i.usage_duration_ms,
       i.cost_in_cents, i.dequeued_at, i.has_waitpoint, i.is_dead_lettered, coalesce(i.retry, d.retry),
       d.environment_type::text, d.batch_id, i.error, i.status_reason, d.task, d.payload, d.payload_type, d.queue,
       d.concurrency_key, d.worker_queue, d.environment_id, d.project_id, d.organization_id, d.max_duration_seconds,
       d.is_test, d.is_replay, d.tags, d.metadata, d.trace_context, coalesce(i.version, d.version)
from (
    select s.*
    from (
        select q.run_id
        from engine.queue_item as q
        where q.shard = $1 and q.worker_queue = $2 and q.environment_id = $3 and not q.is_filed and q.is_ahead = $7
          and q.available_at >= case when $7 then '-infinity' else $6 end
          and q.available_at <= least($4, case when $8 then (
                select min(o.available_at)
                from engine.queue_item as o
                where o.shard = $1 and o.worker_queue = $2 and o.environment_id = $3 and not o.is_filed
                  and o.is_ahead = not $7 and o.available_at >= case when $7 then $6 else '-infinity' end) end)
          and (q.expires_at is null or q.expires_at > $4) and q.run_id <> all ($9) and q.queue <> all ($10)
        order by q.available_at, q.run_id
        for update skip locked
    ) as q
    cross join lateral (
        select s.run_id, s.run_status::text, s.execution_status::text, s.snapshot_id, s.snapshot_ordinal, s.attempt_number,
               s.max_attempts, s.queue_attempts, s.released_attempts, s.machine, s.usage_duration_ms, s.cost_in_cents, s.dequeued_at,
               s.has_waitpoint, s.is_dead_lettered, s.retry, s.error, s.status_reason,
               s.version
        from engine.run_state as s
        where s.shard = $1 and s.run_id = q.run_id and s.execution_status in ('QUEUED', 'QUEUED_EXECUTING')
        for no key update skip locked
    ) as s
    limit $5
) as i
cross join lateral (
    select d.*
    from engine.dequeue_detail as d
    where d.shard = $1 and d.run_id = i.run_id
    offset 0
) as d
