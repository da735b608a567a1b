-- Writes runs: run, state, first snapshot, queue item.
-- $1 text[] run ids, $2 text[] snapshot ids, $3 text task
with given as (
    select g.*
    from unnest($1::text[], $2::text[]) as g(run_id, snapshot_id)
), run as (
    insert into floor.run (
        shard, id, environment_id, environment_type, task, payload, payload_type, queue, worker_queue, priority_ms,
        queue_timestamp, tags, is_test, depth, created_at, resume_parent)
    select 0, g.run_id, 'default', 'PENDING', $3::text, '{}', 'application/json', 'task/' || $3::text, 'main', 0, now(), '{}', false, 0,
           now(), false
    from given as g
), state as (
    insert into floor.run_state (shard, run_id, run_status, execution_status, snapshot_id, snapshot_ordinal, updated_at)
    select 0, g.run_id, 'PENDING', 'QUEUED', g.snapshot_id, 1, now()
    from given as g
), snapshot as (
    insert into floor.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, created_at, description)
    select 0, g.run_id, 1, g.snapshot_id, null, 'TRIGGERED', 'QUEUED', 'PENDING', null, nextval('floor.position'), 1, now(), 'Triggered'
    from given as g
)
insert into floor.queue_item (shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at, is_ahead)
select 0, g.run_id, 'main', 'default', 'task/' || $3::text, '', now(), false
from given as g
