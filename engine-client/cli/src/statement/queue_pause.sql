-- Pauses a queue, or resumes it.
-- $1 text queue, $2 text environment, $3 boolean whether it pauses
select jsonb_build_object('queue', q.name, 'environment_id', q.environment_id, 'is_paused', q.paused) as row
from engine_set_queue(name => $1::text, environment_id => $2::text, paused => $3::boolean) as q
