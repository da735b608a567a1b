-- Writes new runs: run, state, first snapshot and queue item. Works in any isolation level, inside the caller's transaction.
-- $1 timestamptz now, $2 text worker_id, $3 text runner_id
-- $4 text execution status, $5 text run status, $6 text description of the first snapshot
-- then one array element per run: $7 shard, $8 run id, $9 snapshot id, $10 environment id, $11 its type, $12 project,
-- $13 organization, $14 task, $15 payload, $16 payload type, $17 queue, $18 worker queue, $19 concurrency key,
-- $20 priority (ms), $21 queue timestamp, $22 available at, $23 max attempts, $24 max duration (s), $25 machine,
-- $26 tags (a JSON array of strings, or null), $27 metadata, $28 is test, $29 trace context, $30 annotations, $31 replayed from
-- Locks: the new rows. Index: primary keys, queue_item_claim.
with given as (
    select g.*
    from unnest($7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27,
                $28, $29, $30, $31)
         as g(shard, run_id, snapshot_id, environment_id, environment_type, project_id, organization_id, task, payload,
              payload_type, queue, worker_queue, concurrency_key, priority_ms, queue_timestamp, available_at, max_attempts,
              max_duration_seconds, machine, tags, metadata, is_test, trace_context, annotations, replayed_from)
), run as (
    insert into engine.run (
        shard, id, environment_id, environment_type, project_id, organization_id, task, payload, payload_type, queue,
        worker_queue, concurrency_key, priority_ms, queue_timestamp, max_attempts, max_duration_seconds, machine, tags,
        metadata, is_test, trace_context, annotations, replayed_from, created_at)
    select g.shard, g.run_id, g.environment_id, g.environment_type::engine.environment_type, g.project_id,
           g.organization_id, g.task, g.payload, g.payload_type, g.queue, g.worker_queue, g.concurrency_key, g.priority_ms,
           g.queue_timestamp, g.max_attempts, g.max_duration_seconds, g.machine,
           array(select t.tag from jsonb_array_elements_text(g.tags) with ordinality as t(tag, position) order by t.position),
           g.metadata, g.is_test, g.trace_context, g.annotations, g.replayed_from, $1
    from given as g
), state as (
    insert into engine.run_state (
        shard, run_id, run_status, execution_status, snapshot_id, snapshot_ordinal, updated_at)
    select g.shard, g.run_id, $5::engine.run_status, $4::engine.execution_status, g.snapshot_id, 1, $1
    from given as g
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, execution_status, run_status, description, worker_id, runner_id, created_at)
    select g.shard, g.run_id, 1, g.snapshot_id, $4::engine.execution_status, $5::engine.run_status, $6, $2, $3, $1
    from given as g
)
insert into engine.queue_item (shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at)
select g.shard, g.run_id, g.worker_queue, g.environment_id, g.queue, g.concurrency_key, g.available_at
from given as g
