-- Queued runs as engine_trigger writes them, set-based: millions of them in minutes.
-- $1 bigint number of the first, $2 bigint number of the last, $3 text start of their ids ("c" and eight characters of time),
-- $4 bigint environments that they are spread over, 0 for the built-in one; $5 bigint concurrency keys, 0 for none
-- Ids have the length and the order of real ones: time, then a counter, then what is random, then the shard.
with given as (
    select '0'::smallint as shard,
           $3 || lpad(to_hex(n.number), 8, '0') || substr(md5(n.number::text), 1, 6) || '00' as run_id,
           $3 || lpad(to_hex(n.number), 8, '0') || '00000001' as snapshot_id,
           case when $4::bigint = 0 then 'default' else 'env' || n.number % $4 end as environment_id,
           case when $5::bigint = 0 then 'task/noop' else 'keyed' end as queue,
           case when $5 = 0 then '' else 'key' || n.number % $5 end as concurrency_key,
           clock_timestamp() as created_at
    from generate_series($1::bigint, $2::bigint) as n(number)
), run as (
    insert into engine.run (
        shard, id, environment_id, environment_type, task, payload, queue, worker_queue, concurrency_key,
        queue_timestamp, is_test, created_at)
    select g.shard, g.run_id, g.environment_id, 'PRODUCTION', 'noop', '{}', g.queue, 'main',
           nullif(g.concurrency_key, ''), g.created_at, false, g.created_at
    from given as g
), state as (
    insert into engine.run_state (
        shard, run_id, run_status, execution_status, snapshot_id, snapshot_ordinal, updated_at)
    select g.shard, g.run_id, 'PENDING', 'QUEUED', g.snapshot_id, 1, g.created_at
    from given as g
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, transition, execution_status, run_status, position, horizon, created_at)
    select g.shard, g.run_id, 1, 'TRIGGERED', 'QUEUED', 'PENDING', nextval('engine.event_position'), 0,
           g.created_at
    from given as g
)
insert into engine.queue_item (shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at, is_ahead)
select g.shard, g.run_id, 'main', g.environment_id, g.queue, g.concurrency_key, g.created_at, false
from given as g
