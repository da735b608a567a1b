-- Locks the runs that were chosen where there are limits, with the details that a worker needs.
-- :shard smallint
-- :run_ids text[]: run ids, in order
-- Locks: run states, SKIP LOCKED, as dequeue_lock; their lanes or mutex are held. Index: primary keys.
select i.run_id, i.run_status, i.execution_status, i.snapshot_id, i.snapshot_ordinal, i.attempt_number,
       coalesce(i.max_attempts, d.max_attempts), i.queue_attempts, i.released_attempts, coalesce(i.machine, d.machine), i.usage_duration_ms,
       i.cost_in_cents, i.dequeued_at, i.has_waitpoint, i.is_dead_lettered, coalesce(i.retry, d.retry),
       d.environment_type::text, d.batch_id, i.error, i.status_reason, d.task, d.payload, d.payload_type, d.queue,
       d.concurrency_key, d.worker_queue, d.environment_id, d.project_id, d.organization_id, d.max_duration_seconds,
       d.is_test, d.is_replay, d.tags, d.metadata, d.trace_context, coalesce(i.version, d.version)
from (
    select s.*, q.place
    from unnest(:run_ids) with ordinality as q(run_id, place)
    cross join lateral (
        select s.run_id, s.run_status::text, s.execution_status::text, s.snapshot_id, s.snapshot_ordinal, s.attempt_number,
               s.max_attempts, s.queue_attempts, s.released_attempts, s.machine, s.usage_duration_ms, s.cost_in_cents, s.dequeued_at,
               s.has_waitpoint, s.is_dead_lettered, s.retry, s.error, s.status_reason,
               s.version
        from engine.run_state as s
        where s.shard = :shard and s.run_id = q.run_id and s.execution_status in ('QUEUED', 'QUEUED_EXECUTING')
        for no key update skip locked
    ) as s
) as i
cross join lateral (
    select d.*
    from engine.dequeue_detail as d
    where d.shard = :shard and d.run_id = i.run_id
    offset 0
) as d
order by i.place
