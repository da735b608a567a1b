-- Delayed runs as engine_trigger writes them, set-based; all of them have fallen due in the same second.
-- $1 bigint number of the first, $2 bigint number of the last, $3 text start of their ids ("c" and eight characters of time)
with given as (
    select '0'::smallint as shard,
           $3 || 'd' || lpad(to_hex(n.number), 7, '0') || substr(md5(n.number::text), 1, 6) || '00' as run_id,
           $3 || 'd' || lpad(to_hex(n.number), 7, '0') || '00000001' as snapshot_id,
           clock_timestamp() as created_at,
           date_trunc('second', now()) + (n.number % 1000) * interval '1 millisecond' as due_at
    from generate_series($1::bigint, $2::bigint) as n(number)
), run as (
    insert into engine.run (
        shard, id, environment_id, environment_type, task, payload, queue, worker_queue,
        queue_timestamp, is_test, created_at, delay_until)
    select g.shard, g.run_id, 'default', 'PRODUCTION', 'noop', '{}', 'task/noop', 'main',
           g.due_at, false, g.created_at, g.due_at
    from given as g
), state as (
    insert into engine.run_state (
        shard, run_id, run_status, execution_status, snapshot_id, snapshot_ordinal, updated_at)
    select g.shard, g.run_id, 'DELAYED', 'DELAYED', g.snapshot_id, 1, g.created_at
    from given as g
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, transition, execution_status, run_status, position, horizon, created_at)
    select g.shard, g.run_id, 1, 'TRIGGERED_DELAYED', 'DELAYED', 'DELAYED', nextval('engine.event_position'), 0,
           g.created_at
    from given as g
)
insert into engine.timer (shard, kind, id, due_at)
select g.shard, 'END_DELAY', g.run_id, g.due_at
from given as g
