-- Starts the next attempt of one locked run: state, snapshot, deadline; returns what the handler gets to know.
-- The snapshot carries batch and completed waitpoints of its predecessor, and drops its checkpoint (spec/core.md §1.6).
-- $1 smallint shard, $2 timestamptz now, $3 text worker_id, $4 text runner_id, $5 bigint heartbeat interval (ms)
-- $6 text execution status, $7 text run status, $8 text description, $9 text run id, $10 text new snapshot id,
-- $11 integer its ordinal, $12 integer attempt number, $13 boolean warm start, $14 jsonb machine
-- Locks: run state held by run_lock; the deadline's row. Index: primary keys.
with snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, execution_status, run_status, attempt_number, description,
        batch_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id, runner_id, created_at)
    select $1, $9, $11, $10, p.id, $6::engine.execution_status, $7::engine.run_status, $12, $8,
           p.batch_id, p.completed_waitpoint_ids, p.completed_waitpoint_order, $3, $4, $2
    from engine.snapshot as p
    where p.shard = $1 and p.run_id = $9 and p.ordinal = $11 - 1
), heartbeat as (
    update engine.heartbeat as h
    set snapshot_id = $10,
        interval_ms = $5,
        deadline_at = $2 + $5 * interval '1 millisecond',
        check_at = least(h.check_at, $2 + $5 * interval '1 millisecond')
    where h.shard = $1 and h.run_id = $9
), state as (
    update engine.run_state as s
    set run_status = $7::engine.run_status,
        execution_status = $6::engine.execution_status,
        snapshot_id = $10,
        snapshot_ordinal = $11,
        attempt_number = $12,
        executed_at = coalesce(s.executed_at, $2),
        is_warm_start = $13,
        updated_at = $2
    where s.shard = $1 and s.run_id = $9
    returning s.run_id, s.started_at, s.max_attempts, s.usage_duration_ms
)
select jsonb_strip_nulls(jsonb_build_object(
           'attempt', jsonb_build_object('number', $12, 'startedAt', p.created_at),
           'task', jsonb_build_object('id', r.task),
           'queue', jsonb_build_object('id', r.queue, 'name', r.queue),
           'environment', jsonb_build_object('id', r.environment_id, 'type', r.environment_type),
           'organization', jsonb_build_object('id', r.organization_id),
           'project', jsonb_build_object('id', r.project_id),
           'machine', $14::jsonb,
           'batch', case when p.batch_id is not null then jsonb_build_object('id', p.batch_id) end))
       || jsonb_build_object('run', jsonb_strip_nulls(jsonb_build_object(
           'id', 'run_' || r.id,
           'payload', r.payload,
           'payloadType', r.payload_type,
           'createdAt', r.created_at,
           'startedAt', coalesce(s.started_at, r.created_at),
           'tags', r.tags,
           'isTest', r.is_test,
           'isReplay', r.replayed_from is not null,
           'maxAttempts', s.max_attempts,
           'maxDuration', r.max_duration_seconds,
           'durationMs', s.usage_duration_ms,
           'priority', case when r.priority_ms <> 0 then r.priority_ms / 1000.0 end,
           'version', 'unknown',
           'region', case when r.environment_type <> 'DEVELOPMENT' then r.worker_queue end))
           -- outside of the stripping: what users wrote keeps its nulls
           || jsonb_build_object('traceContext', coalesce(r.trace_context, '{}'), 'metadata', r.metadata))
from state as s
join engine.run as r on r.shard = $1 and r.id = $9
join engine.snapshot as p on p.shard = $1 and p.run_id = $9 and p.ordinal = $11 - 1
