-- What handlers may know of the attempts that runs started last, as documents; none for a run without one. An attempt's time is
-- that of the snapshot before its start.
-- :shard smallint
-- :run_ids text[]
-- :machines jsonb: the presets by their names, and the default one as the empty name
-- -> run_id text, execution jsonb
-- Locks: none. Index: primary keys; `offset 0` keeps the joins lookups per run, as in dequeue_lock.
select s.run_id,
       jsonb_strip_nulls(jsonb_build_object(
           'attempt', jsonb_build_object('number', s.attempt_number, 'startedAt', coalesce(s.prepared_at, s.dequeued_at)),
           -- ids are names here; unknown fields are empty
           'task', jsonb_build_object('id', r.task, 'filePath', ''),
           'queue', jsonb_build_object('id', r.queue, 'name', r.queue),
           'environment', jsonb_build_object('id', r.environment_id, 'slug', r.environment_id, 'type', r.environment_type),
           'organization', jsonb_build_object(
               'id', coalesce(r.organization_id, ''), 'slug', coalesce(r.organization_id, ''), 'name', coalesce(r.organization_id, '')),
           'project', jsonb_build_object(
               'id', coalesce(r.project_id, ''), 'ref', coalesce(r.project_id, ''), 'slug', coalesce(r.project_id, ''),
               'name', coalesce(r.project_id, '')),
           'machine', coalesce(:machines -> s.machine, :machines -> ''),
           'batch', case when s.attempt_batch_id is not null then jsonb_build_object('id', s.attempt_batch_id) end))
       || jsonb_build_object('run', jsonb_strip_nulls(jsonb_build_object(
           'id', 'run_' || r.id,
           'payload', r.payload,
           'payloadType', coalesce(r.payload_type, 'application/json'),
           'createdAt', r.created_at,
           'startedAt', coalesce(s.started_at, s.dequeued_at, r.created_at),
           'tags', coalesce(r.tags, '{}'),
           'isTest', r.is_test,
           'isReplay', r.replayed_from is not null,
           'idempotencyKey', r.idempotency_key,
           'maxAttempts', s.max_attempts,
           -- a run with 2147483647 has no limit, even if its task has one
           'maxDuration', nullif(coalesce(s.max_duration_seconds, r.max_duration_seconds), 2147483647),
           'durationMs', s.usage_duration_ms,
           'costInCents', coalesce(s.cost_in_cents, 0),
           'baseCostInCents', coalesce(s.base_cost_in_cents, 0),
           'parentTaskRunId', 'run_' || r.parent_run_id,
           'rootTaskRunId', 'run_' || r.root_run_id,
           'priority', case when r.priority_ms <> 0 then r.priority_ms / 1000.0 end,
           'version', coalesce(s.version, 'unknown'),
           'region', case when r.environment_type <> 'DEVELOPMENT' then r.worker_queue end))
           -- outside the stripping: documents of users keep their nulls
           || jsonb_build_object('traceContext', coalesce(r.trace_context, '{}'), 'metadata', r.metadata)) as execution
from unnest(:run_ids) as g(run_id)
cross join lateral (
    select s.*
    from engine.run_state as s
    where s.shard = :shard and s.run_id = g.run_id and s.executed_at is not null
    offset 0
) as s
cross join lateral (
    select r.*
    from engine.run as r
    where r.shard = :shard and r.id = s.run_id
    offset 0
) as r
