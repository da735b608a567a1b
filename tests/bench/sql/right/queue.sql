-- $1 integer runs, $2 text environment, and worker queue
select count(*)
from engine_trigger_many((
    select jsonb_agg(jsonb_build_object('task', 'noop', 'environment_id', $2::text, 'worker_queue', $2::text))
    from generate_series(1, $1::integer)
))
