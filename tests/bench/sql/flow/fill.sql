-- Runs that a worker holds, as the engine's functions leave them, set-based.
-- $1 bigint number of the first, $2 bigint number of the last, $3 text start of their ids ("c" and eight characters of time),
-- $4 text execution status: PENDING_EXECUTING, EXECUTING or EXECUTING_WITH_WAITPOINTS
-- A run that waits has a token that nobody has completed. The deadline of a run that nobody has started has passed; those of
-- the others are far away. The tick's next look at any of them is due, so that no move of a deadline touches an index.
-- Ids have the length and the order of real ones: time, then a counter, then what is random, then the shard.
with given as (
    select '0'::smallint as shard,
           $3 || lpad(to_hex(n.number), 8, '0') || substr(md5(n.number::text), 1, 6) || '00' as run_id,
           $3 || lpad(to_hex(n.number), 8, '0') || substr(md5('s' || n.number), 1, 8) as snapshot_id,
           $3 || lpad(to_hex(n.number), 8, '0') || substr(md5('w' || n.number), 1, 6) || '00' as waitpoint_id,
           $4::text::engine.execution_status as status,
           $4 = 'EXECUTING_WITH_WAITPOINTS' as is_waiting,
           case $4 when 'PENDING_EXECUTING' then null else 1 end as attempt_number,
           case $4 when 'PENDING_EXECUTING' then 2 when 'EXECUTING' then 3 else 4 end as ordinal,
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
        dequeued_at, executed_at, is_warm_start, updated_at)
    select g.shard, g.run_id, (case when g.attempt_number is null then 'DEQUEUED' else 'EXECUTING' end)::engine.run_status,
           g.status, g.snapshot_id, g.ordinal, g.attempt_number, 3, 'small-1x', g.created_at,
           case when g.attempt_number is not null then g.created_at end,
           case when g.attempt_number is not null then false end, g.created_at
    from given as g
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, transition, execution_status, run_status, attempt_number, position, horizon,
        description, created_at)
    select g.shard, g.run_id, g.ordinal, g.snapshot_id,
           (case g.ordinal when 2 then 'DEQUEUED' when 3 then 'STARTED' else 'BLOCKED' end)::engine.transition, g.status,
           (case when g.attempt_number is null then 'PENDING' else 'EXECUTING' end)::engine.run_status, g.attempt_number,
           nextval('engine.event_position'), 0, 'Filled in', g.created_at
    from given as g
), heartbeat as (
    insert into engine.heartbeat (
        shard, run_id, snapshot_id, interval_ms, deadline_at, check_at, holds_slot, is_counted, is_noted,
        acquired_at, environment_id, queue, concurrency_key)
    select g.shard, g.run_id, g.snapshot_id, 60000,
           case when g.attempt_number is null then g.created_at else g.created_at + interval '1 day' end, g.created_at, true,
           false, false, g.created_at, 'default', 'task/noop', ''
    from given as g
), waitpoint as (
    insert into engine.waitpoint (shard, id, type, environment_id, idempotency_key, created_at)
    select g.shard, g.waitpoint_id, 'MANUAL', 'default', g.waitpoint_id, g.created_at
    from given as g
    where g.is_waiting
), edge as (
    insert into engine.edge (shard, run_id, waitpoint_id, created_at)
    select g.shard, g.run_id, g.waitpoint_id, g.created_at
    from given as g
    where g.is_waiting
)
insert into engine.waitpoint_history (shard, waitpoint_id, run_id, created_at)
select g.shard, g.waitpoint_id, g.run_id, g.created_at
from given as g
where g.is_waiting
