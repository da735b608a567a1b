-- Sets a limit in place of a queue's own one, or takes it back.
-- $1 text queue, $2 text environment, $3 bigint limit, or null to take it back
select jsonb_build_object(
           'queue', q.name,
           'environment_id', q.environment_id,
           'override_limit', q.override_limit,
           'concurrency_limit', q.concurrency_limit,
           'limit', coalesce(q.override_limit, q.concurrency_limit)) as row
from engine_set_queue(name => $1::text, environment_id => $2::text, override_limit => $3::bigint::integer) as q
