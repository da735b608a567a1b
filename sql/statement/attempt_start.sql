-- Starts the next attempts of locked runs: state, snapshot, deadline; returns the handlers' execution data. A snapshot
-- inherits batch and completed waitpoints from its predecessor, and drops its checkpoint.
-- :shard smallint
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :heartbeat_ms bigint: heartbeat interval (ms)
-- :transition text
-- :execution_status text
-- :run_status text
-- :description text
-- :horizon bigint
-- :warm_start boolean
-- One array element per run, in the order of the run ids:
-- :run_id text[]
-- :snapshot_id text[]
-- :ordinal integer[]
-- :position bigint[]
-- :attempt_number integer[]
-- :machine jsonb[]
-- `offset 0` keeps the join a primary-key lookup per run, as in claim_lock.
-- Locks: run states held by run_lock; the deadlines' rows. Index: primary keys.
with started as (
    select a.*, p.id as previous_snapshot_id, p.batch_id, p.completed_waitpoint_ids, p.completed_waitpoint_order,
           p.created_at as previous_at
    from unnest(:run_id, :snapshot_id, :ordinal, :position, :attempt_number, :machine) as a(run_id, snapshot_id, ordinal, position, attempt_number, machine)
    join engine.snapshot as p on p.shard = :shard and p.run_id = a.run_id and p.ordinal = a.ordinal - 1
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, description, batch_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id, runner_id, created_at)
    select :shard, a.run_id, a.ordinal, a.snapshot_id, a.previous_snapshot_id, :transition::engine.transition,
           :execution_status::engine.execution_status, :run_status::engine.run_status, a.attempt_number, a.position, :horizon, :description, a.batch_id,
           a.completed_waitpoint_ids, a.completed_waitpoint_order, :worker_id, :runner_id, :now
    from started as a
), heartbeat as (
    update engine.heartbeat as h
    set snapshot_id = a.snapshot_id,
        interval_ms = :heartbeat_ms,
        deadline_at = :now + :heartbeat_ms * interval '1 millisecond',
        check_at = least(h.check_at, :now + :heartbeat_ms * interval '1 millisecond')
    from started as a
    where h.shard = :shard and h.run_id = a.run_id
), state as (
    update engine.run_state as s
    set run_status = :run_status::engine.run_status,
        execution_status = :execution_status::engine.execution_status,
        snapshot_id = a.snapshot_id,
        snapshot_ordinal = a.ordinal,
        attempt_number = a.attempt_number,
        executed_at = coalesce(s.executed_at, :now),
        is_warm_start = :warm_start,
        updated_at = :now
    from started as a
    where s.shard = :shard and s.run_id = a.run_id
    returning s.run_id, s.started_at, s.max_attempts, s.usage_duration_ms, s.cost_in_cents, s.base_cost_in_cents,
              a.attempt_number, a.machine, s.version, s.max_duration_seconds, a.batch_id, a.previous_at
)
select s.run_id,
       jsonb_strip_nulls(jsonb_build_object(
           'attempt', jsonb_build_object('number', s.attempt_number, 'startedAt', s.previous_at),
           -- ids are names here; unknown fields are empty
           'task', jsonb_build_object('id', r.task, 'filePath', ''),
           'queue', jsonb_build_object('id', r.queue, 'name', r.queue),
           'environment', jsonb_build_object('id', r.environment_id, 'slug', r.environment_id, 'type', r.environment_type),
           'organization', jsonb_build_object(
               'id', coalesce(r.organization_id, ''), 'slug', coalesce(r.organization_id, ''), 'name', coalesce(r.organization_id, '')),
           'project', jsonb_build_object(
               'id', coalesce(r.project_id, ''), 'ref', coalesce(r.project_id, ''), 'slug', coalesce(r.project_id, ''),
               'name', coalesce(r.project_id, '')),
           'machine', s.machine,
           'batch', case when s.batch_id is not null then jsonb_build_object('id', s.batch_id) end))
       || jsonb_build_object('run', jsonb_strip_nulls(jsonb_build_object(
           'id', 'run_' || r.id,
           'payload', r.payload,
           'payloadType', r.payload_type,
           'createdAt', r.created_at,
           'startedAt', coalesce(s.started_at, r.created_at),
           'tags', r.tags,
           'isTest', r.is_test,
           'isReplay', r.replayed_from is not null,
           'idempotencyKey', r.idempotency_key,
           'maxAttempts', s.max_attempts,
           -- a run with 2147483647 has no limit, even if its task has one
           'maxDuration', nullif(coalesce(s.max_duration_seconds, r.max_duration_seconds), 2147483647),
           'durationMs', s.usage_duration_ms,
           'costInCents', s.cost_in_cents,
           'baseCostInCents', s.base_cost_in_cents,
           'parentTaskRunId', 'run_' || r.parent_run_id,
           'rootTaskRunId', 'run_' || r.root_run_id,
           'priority', case when r.priority_ms <> 0 then r.priority_ms / 1000.0 end,
           'version', coalesce(s.version, 'unknown'),
           'region', case when r.environment_type <> 'DEVELOPMENT' then r.worker_queue end))
           -- outside the stripping: documents of users keep their nulls
           || jsonb_build_object('traceContext', coalesce(r.trace_context, '{}'), 'metadata', r.metadata))
from state as s
cross join lateral (
    select r.*
    from engine.run as r
    where r.shard = :shard and r.id = s.run_id
    offset 0
) as r
