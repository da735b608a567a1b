-- 10,000 queues with limits, 10,000 runs that are due in 500 of them, 5,000 failures, and a few runs that a worker holds.
insert into engine.queue (environment_id, name, concurrency_limit, created_at)
select 'default', 'queue-' || n, 5, now()
from generate_series(1, 10000) as n;
select count(*) from (
    select engine_trigger_many(jsonb_agg(jsonb_build_object('task', 'work', 'queue', 'queue-' || n % 500)))
    from generate_series(1, 10000) as n
    group by n / 1000) as t;
select count(*) from (
    select engine_create_failed_run(
               jsonb_build_object('task', 'bill-' || n % 20),
               jsonb_build_object('type', 'STRING_ERROR', 'raw', 'no answer from ' || n))
    from generate_series(1, 5000) as n) as f;
select engine_set_schedule('nightly', 'report', '0 3 * * *');
select engine_dequeue(max_runs => 20, worker_id => 'w', runner_id => 'w-1');
select engine_bulk('cancel', '{"task": "none"}', dry_run => false);
select engine_tick();
