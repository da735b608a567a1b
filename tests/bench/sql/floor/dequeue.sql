-- Hands out the next due run.
-- $1 text worker queue, $2 text snapshot id
with due as materialized (
    select s.run_id, s.snapshot_id, s.snapshot_ordinal, s.attempt_number, s.max_attempts, d.task, d.payload, d.payload_type, d.queue,
           d.metadata, d.tags, d.trace_context, d.environment_id, d.created_at
    from (
        select q.run_id
        from floor.queue_item as q
        where q.shard = 0 and q.worker_queue = $1 and q.environment_id = 'default' and not q.is_filed and q.is_ahead = false
          and q.available_at <= now() and (q.expires_at is null or q.expires_at > now())
        order by q.available_at, q.run_id
        for update skip locked
    ) as q
    cross join lateral (
        select s.*
        from floor.run_state as s
        where s.shard = 0 and s.run_id = q.run_id and s.execution_status = 'QUEUED'
        for no key update skip locked
    ) as s
    cross join lateral (
        select d.*
        from floor.run as d
        where d.shard = 0 and d.id = s.run_id
        offset 0
    ) as d
    limit 1
), item as (
    delete from floor.queue_item as q
    using due as g
    where q.shard = 0 and q.run_id = g.run_id
), heartbeat as (
    insert into floor.heartbeat (
        shard, run_id, snapshot_id, interval_ms, deadline_at, check_at, holds_slot, is_counted, is_noted, acquired_at,
        environment_id, queue, concurrency_key)
    select 0, g.run_id, $2, 60000, now() + interval '1 minute', now() + interval '1 minute', true, false, false, now(),
           g.environment_id, g.queue, ''
    from due as g
), snapshot as (
    insert into floor.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, created_at, description)
    select 0, g.run_id, g.snapshot_ordinal + 1, $2, g.snapshot_id, 'DEQUEUED', 'PENDING_EXECUTING', 'PENDING', null,
           nextval('floor.position'), 1, now(), 'Dequeued'
    from due as g
), state as (
    update floor.run_state as s
    set run_status = 'PENDING',
        execution_status = 'PENDING_EXECUTING',
        snapshot_id = $2,
        snapshot_ordinal = g.snapshot_ordinal + 1,
        max_attempts = 3,
        machine = 'small-1x',
        dequeued_at = now(),
        updated_at = now()
    from due as g
    where s.shard = 0 and s.run_id = g.run_id
)
select g.*
from due as g
