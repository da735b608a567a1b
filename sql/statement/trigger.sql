-- Writes new runs: run, state, first snapshot and, if it is queued, queue item. Works in any isolation level, inside the
-- caller's transaction.
-- $1 timestamptz now, $2 text worker_id, $3 text runner_id, $4 bigint horizon
-- then one array element per run: $5 shard, $6 run id, $7 snapshot id, $8 position, $9 transition, $10 execution status,
-- $11 run status, $12 description, $13 environment id, $14 its type, $15 project, $16 organization, $17 task, $18 payload,
-- $19 payload type, $20 queue, $21 worker queue, $22 concurrency key, $23 priority (ms), $24 queue timestamp,
-- $25 available at, $26 max attempts, $27 max duration (s), $28 machine, $29 retry settings,
-- $30 tags (a JSON array of strings, or null), $31 metadata, $32 is test, $33 trace context, $34 annotations,
-- $35 replayed from, $36 parent run id, $37 completed at, $38 error, $39 what its events need to know,
-- $40 whether it counts against a limit on the length of its queue, $41 batch id, $42 whether the parent waits for it,
-- $43 delay until, $44 time to live, $45 idempotency key, $46 debounce, $47 version, $48 when its queue item expires
-- Locks: the new rows. Index: primary keys, queue_item_claim, queue_item_expiry, queue_item_sized, run_parent, run_batch.
with given as (
    select g.*
    from unnest($5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,
                $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47,
                $48)
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
           g.organization_id, g.task, g.payload, g.payload_type, g.queue, g.worker_queue, g.concurrency_key, g.priority_ms,
           g.queue_timestamp, g.max_attempts, g.max_duration_seconds, g.machine, g.retry,
           array(select t.tag from jsonb_array_elements_text(g.tags) with ordinality as t(tag, position) order by t.position),
           g.metadata, g.is_test, g.trace_context, g.annotations, g.replayed_from, g.parent_run_id,
           coalesce(p.root_run_id, p.id), coalesce(p.depth + 1, 0), $1, g.batch_id, g.resume_parent, g.delay_until, g.ttl,
           g.idempotency_key, g.debounce, g.version
    from given as g
    left join engine.run as p on p.shard = g.shard and p.id = g.parent_run_id
), state as (
    insert into engine.run_state (
        shard, run_id, run_status, execution_status, snapshot_id, snapshot_ordinal, attempt_number, completed_at, error,
        updated_at, has_waitpoint)
    select g.shard, g.run_id, g.run_status::engine.run_status, g.execution_status::engine.execution_status, g.snapshot_id,
           1, case when g.completed_at is not null then 0 end, g.completed_at, g.error, $1,
           g.resume_parent
    from given as g
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, transition, execution_status, run_status, attempt_number, position, horizon,
        description, worker_id, runner_id, detail, created_at)
    select g.shard, g.run_id, 1, g.snapshot_id, g.transition::engine.transition,
           g.execution_status::engine.execution_status, g.run_status::engine.run_status,
           case when g.completed_at is not null then 0 end, g.position, $4, g.description, $2, $3, g.detail, $1
    from given as g
)
insert into engine.queue_item (
    shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at, is_ahead, is_sized, expires_at)
select g.shard, g.run_id, g.worker_queue, g.environment_id, g.queue, coalesce(g.concurrency_key, ''), g.available_at,
       g.available_at < $1, g.is_sized, g.expires_at
from given as g
where g.execution_status = 'QUEUED'
