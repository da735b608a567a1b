-- Writes new runs: run, state, first snapshot and, if it is queued, queue item. Works in any isolation level, inside the
-- caller's transaction.
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :horizon bigint
-- One array element per run:
-- :shard smallint[]
-- :run_id text[]
-- :snapshot_id text[]
-- :position bigint[]
-- :transition text[]
-- :execution_status text[]
-- :run_status text[]
-- :description text[]: or null for the usual one of the transition
-- :environment_id text[]
-- :environment_type text[]: its type
-- :project_id text[]: project
-- :organization_id text[]: organization
-- :task text[]
-- :payload text[]
-- :payload_type text[]
-- :queue text[]
-- :worker_queue text[]
-- :concurrency_key text[]
-- :priority_ms bigint[]: priority (ms)
-- :queue_timestamp timestamptz[]
-- :available_at timestamptz[]
-- :max_attempts integer[]
-- :max_duration_seconds integer[]: max duration (s)
-- :machine text[]
-- :retry jsonb[]: retry settings
-- :tags jsonb[]
-- :metadata jsonb[]
-- :is_test boolean[]
-- :trace_context jsonb[]
-- :annotations jsonb[]
-- :replayed_from text[]
-- :parent_run_id text[]
-- :completed_at timestamptz[]
-- :error jsonb[]
-- :detail jsonb[]: details for its events
-- :is_sized boolean[]: whether it counts against the maximum size of its queue
-- :batch_id text[]
-- :resume_parent boolean[]: whether the parent waits for it
-- :delay_until timestamptz[]
-- :ttl text[]: time to live
-- :idempotency_key text[]
-- :debounce jsonb[]
-- :version text[]
-- :expires_at timestamptz[]: when its queue item expires
-- Locks: the new rows. Index: primary keys, queue_item_order, queue_item_expiry, queue_item_sized, run_parent, run_batch.
with given as (
    select g.*
    from unnest(:shard, :run_id, :snapshot_id, :position, :transition, :execution_status, :run_status, :description,
                :environment_id, :environment_type, :project_id, :organization_id, :task, :payload, :payload_type,
                :queue, :worker_queue, :concurrency_key, :priority_ms, :queue_timestamp, :available_at, :max_attempts,
                :max_duration_seconds, :machine, :retry, :tags, :metadata, :is_test, :trace_context, :annotations, :replayed_from, :parent_run_id, :completed_at, :error, :detail, :is_sized, :batch_id, :resume_parent, :delay_until, :ttl, :idempotency_key, :debounce, :version,
                :expires_at)
         as g(shard, run_id, snapshot_id, position, transition, execution_status, run_status, description, environment_id,
              environment_type, project_id, organization_id, task, payload, payload_type, queue, worker_queue,
              concurrency_key, priority_ms, queue_timestamp, available_at, max_attempts, max_duration_seconds, machine,
              retry, tags, metadata, is_test, trace_context, annotations, replayed_from, parent_run_id, completed_at, error,
              detail, is_sized, batch_id, resume_parent, delay_until, ttl, idempotency_key, debounce, version, expires_at)
), run as (
    insert into engine.run (
        shard, id, environment_id, environment_type, project_id, organization_id, task, payload, payload_type, queue,
        worker_queue, concurrency_key, priority_ms, queue_timestamp, max_attempts, max_duration_seconds, machine, retry,
        tags, metadata, is_test, trace_context, annotations, replayed_from, parent_run_id, root_run_id, depth, created_at,
        batch_id, resume_parent, delay_until, ttl, idempotency_key, debounce, version)
    select g.shard, g.run_id, g.environment_id, g.environment_type::engine.environment_type, g.project_id,
           g.organization_id, g.task, g.payload, nullif(g.payload_type, 'application/json'), g.queue, g.worker_queue, g.concurrency_key, nullif(g.priority_ms, 0),
           g.queue_timestamp, g.max_attempts, g.max_duration_seconds, g.machine, g.retry,
           nullif(array(select t.tag from jsonb_array_elements_text(g.tags) with ordinality as t(tag, position) order by t.position), '{}'),
           g.metadata, g.is_test, g.trace_context, g.annotations, g.replayed_from, g.parent_run_id,
           coalesce(p.root_run_id, p.id), coalesce(p.depth + 1, 0), :now, g.batch_id, g.resume_parent, g.delay_until, g.ttl,
           g.idempotency_key, g.debounce, g.version
    from given as g
    left join engine.run as p on p.shard = g.shard and p.id = g.parent_run_id
), state as (
    insert into engine.run_state (
        shard, run_id, run_status, execution_status, snapshot_id, snapshot_ordinal, attempt_number, completed_at, error,
        updated_at, has_waitpoint)
    select g.shard, g.run_id, g.run_status::engine.run_status, g.execution_status::engine.execution_status, g.snapshot_id,
           1, case when g.completed_at is not null then 0 end, g.completed_at, g.error, :now,
           g.resume_parent
    from given as g
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, transition, execution_status, run_status, attempt_number, position, horizon,
        description, worker_id, runner_id, detail, created_at)
    select g.shard, g.run_id, 1, g.snapshot_id, g.transition::engine.transition,
           g.execution_status::engine.execution_status, g.run_status::engine.run_status,
           case when g.completed_at is not null then 0 end, g.position, :horizon, g.description, :worker_id, :runner_id, g.detail, :now
    from given as g
)
insert into engine.queue_item (
    shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at, is_ahead, is_sized, expires_at)
select g.shard, g.run_id, g.worker_queue, g.environment_id, g.queue, coalesce(g.concurrency_key, ''), g.available_at,
       g.available_at < :now, g.is_sized, g.expires_at
from given as g
where g.execution_status = 'QUEUED'
