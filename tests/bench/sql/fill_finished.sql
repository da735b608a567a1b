-- Finished runs as trigger, dequeue, start and completion leave them, set-based: history.
-- $1 bigint number of the first, $2 bigint number of the last, $3 text start of their ids ("c" and eight characters of time)
with given as (
    select '0'::smallint as shard,
           $3 || lpad(to_hex(n.number), 8, '0') || substr(md5(n.number::text), 1, 6) || '00' as run_id,
           $3 || lpad(to_hex(n.number), 8, '0') as snapshot_start,
           clock_timestamp() as created_at
    from generate_series($1::bigint, $2::bigint) as n(number)
), run as (
    insert into engine.run (
        shard, id, environment_id, environment_type, task, payload, queue, worker_queue,
        queue_timestamp, is_test, created_at)
    select g.shard, g.run_id, 'default', 'PRODUCTION', 'noop', '{}', 'task/noop', 'main',
           g.created_at, false, g.created_at
    from given as g
), state as (
    insert into engine.run_state (
        shard, run_id, run_status, execution_status, snapshot_id, snapshot_ordinal, attempt_number, max_attempts, machine,
        dequeued_at, executed_at, completed_at, is_warm_start, output, updated_at)
    select g.shard, g.run_id, 'COMPLETED_SUCCESSFULLY', 'FINISHED', g.snapshot_start || '00000004', 4, 1, 3, 'small-1x',
           g.created_at, g.created_at, g.created_at, false, 'null', g.created_at
    from given as g
)
insert into engine.snapshot (
    shard, run_id, ordinal, transition, execution_status, run_status, attempt_number, position, horizon,
    created_at)
select g.shard, g.run_id, t.ordinal, t.transition::engine.transition, t.execution_status::engine.execution_status, t.run_status::engine.run_status,
       t.attempt_number, nextval('engine.event_position'), 0, g.created_at
from given as g
cross join (
    values (1, 'TRIGGERED', 'QUEUED', 'PENDING', null::integer),
           (2, 'DEQUEUED', 'PENDING_EXECUTING', 'PENDING', null),
           (3, 'STARTED', 'EXECUTING', 'EXECUTING', 1),
           (4, 'SUCCEEDED', 'FINISHED', 'COMPLETED_SUCCESSFULLY', 1)
) as t(ordinal, transition, execution_status, run_status, attempt_number)
