-- Sets how long runs are kept after they have ended.
-- $1 text environment, $2 text task, $3 text queue, $4 text outcome; null for all. $5 bigint milliseconds, null for ever
select jsonb_build_object(
           'environment_id', t.environment_id,
           'task', t.task,
           'queue', t.queue,
           'outcome', t.outcome,
           'keep_ms', (extract(epoch from t.keep) * 1000)::bigint) as row
from engine_set_retention(
    environment_id => $1::text, task => $2::text, queue => $3::text, outcome => $4::text,
    keep => make_interval(secs => $5::bigint / 1000.0)) as t
