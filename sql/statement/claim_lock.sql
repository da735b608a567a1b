-- Picks the next due runs of a worker queue and locks them; what a worker needs to know comes along.
-- $1 smallint shard, $2 text worker queue, $3 timestamptz now, $4 text environment id or null for any, $5 integer how many
-- Locks: run states, SKIP LOCKED: claimers never wait, neither for each other nor for anyone else. The run's lock is the
-- fence: an item may be gone since this statement began, but then its run is no longer queued, which is read again once
-- the lock is held.
-- `offset 0` keeps each join a primary-key lookup per claimed run: the planner takes a LIMIT parameter for a tenth of the
-- queue, and would hash the whole table for it.
-- Index: queue_item_claim, then primary keys.
select i.run_id, i.run_status, i.execution_status, i.snapshot_id, i.snapshot_ordinal, i.attempt_number,
       coalesce(i.max_attempts, r.max_attempts), i.queue_attempts, coalesce(i.machine, r.machine), i.usage_duration_ms,
       i.cost_in_cents, i.dequeued_at, i.has_waitpoint, i.is_dead_lettered, coalesce(i.retry, r.retry),
       r.environment_type::text, r.batch_id, i.error, i.status_reason,
       r.task, r.payload, r.payload_type, r.queue, r.concurrency_key, i.worker_queue, r.environment_id,
       r.project_id, r.organization_id, r.max_duration_seconds, r.is_test, r.replayed_from is not null, r.tags, r.metadata,
       r.trace_context, c.checkpoint, c.completed_waitpoints
from (
    select q.worker_queue, s.*
    from engine.queue_item as q
    cross join lateral (
        select s.run_id, s.run_status::text, s.execution_status::text, s.snapshot_id, s.snapshot_ordinal, s.attempt_number,
               s.max_attempts, s.queue_attempts, s.machine, s.usage_duration_ms, s.cost_in_cents, s.dequeued_at,
               s.has_waitpoint, s.is_dead_lettered, s.retry, s.error, s.status_reason
        from engine.run_state as s
        where s.shard = $1 and s.run_id = q.run_id and s.execution_status in ('QUEUED', 'QUEUED_EXECUTING')
        for no key update skip locked
    ) as s
    where q.shard = $1 and q.worker_queue = $2 and q.available_at <= $3 and ($4::text is null or q.environment_id = $4)
    order by q.available_at, q.run_id
    limit $5
) as i
cross join lateral (
    select r.*
    from engine.run as r
    where r.shard = $1 and r.id = i.run_id
    offset 0
) as r
cross join lateral (
    select (select k.entry from engine.checkpoint_entry as k where k.shard = $1 and k.id = p.checkpoint_id) as checkpoint,
           (select jsonb_agg(w.entry order by w.index)
            from engine.completed_waitpoint as w
            where p.completed_waitpoint_ids is not null
              and w.shard = $1 and w.run_id = i.run_id and w.ordinal = i.snapshot_ordinal) as completed_waitpoints
    from engine.snapshot as p
    where p.shard = $1 and p.run_id = i.run_id and p.ordinal = i.snapshot_ordinal
    offset 0
) as c
