-- Runs that execute, or wait for a token, as the engine's functions leave them, set-based.
-- $1 bigint number of the first, $2 bigint number of the last, $3 text start of their ids ("c" and eight characters of time),
-- $4 text queue, $5 boolean whether they wait, $6 boolean whether their tokens are completed
-- Ids have the length and the order of real ones: time, then a counter, then what is random, then the shard.
with given as (
    select '0'::smallint as shard,
           $3 || lpad(to_hex(n.number), 8, '0') || substr(md5($4 || n.number), 1, 6) || '00' as run_id,
           $3 || lpad(to_hex(n.number), 8, '0') || substr(md5('s' || $4 || n.number), 1, 8) as snapshot_id,
           $3 || lpad(to_hex(n.number), 8, '0') || substr(md5('w' || $4 || n.number), 1, 6) || '00' as waitpoint_id,
           (case when $5 then 'EXECUTING_WITH_WAITPOINTS' else 'EXECUTING' end)::engine.execution_status as status,
           clock_timestamp() as created_at
    from generate_series($1::bigint, $2::bigint) as n(number)
), run as (
    insert into engine.run (
        shard, id, environment_id, environment_type, task, payload, queue, worker_queue,
        queue_timestamp, is_test, created_at)
    select g.shard, g.run_id, 'default', 'PRODUCTION', 'noop', '{}', $4, 'main', g.created_at,
           false, g.created_at
    from given as g
), state as (
    insert into engine.run_state (
        shard, run_id, run_status, execution_status, snapshot_id, snapshot_ordinal, attempt_number, max_attempts,
        dequeued_at, executed_at, updated_at)
    select g.shard, g.run_id, 'EXECUTING', g.status, g.snapshot_id, 4, 1, 3, g.created_at, g.created_at,
           g.created_at
    from given as g
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, transition, execution_status, run_status, attempt_number, position, horizon,
        description, created_at)
    select g.shard, g.run_id, 4, g.snapshot_id, 'BLOCKED', g.status, 'EXECUTING', 1, nextval('engine.event_position'), 0,
           'Filled in', g.created_at
    from given as g
), heartbeat as (
    insert into engine.heartbeat (
        shard, run_id, snapshot_id, interval_ms, deadline_at, check_at, holds_slot, is_counted, is_noted,
        acquired_at, environment_id, queue, concurrency_key)
    select g.shard, g.run_id, g.snapshot_id, 60000, g.created_at + interval '1 day', g.created_at + interval '1 day', true,
           false, false, g.created_at, 'default', $4, ''
    from given as g
), waitpoint as (
    insert into engine.waitpoint (shard, id, type, status, environment_id, idempotency_key, completed_at, output, created_at)
    select g.shard, g.waitpoint_id, 'MANUAL', (case when $6 then 'COMPLETED' else 'PENDING' end)::engine.waitpoint_status,
           'default', g.waitpoint_id, case when $6 then g.created_at end, case when $6 then '1' end, g.created_at
    from given as g
), edge as (
    insert into engine.edge (shard, run_id, waitpoint_id, created_at)
    select g.shard, g.run_id, g.waitpoint_id, g.created_at
    from given as g
    where $5
)
insert into engine.waitpoint_history (shard, waitpoint_id, run_id, created_at)
select g.shard, g.waitpoint_id, g.run_id, g.created_at
from given as g
