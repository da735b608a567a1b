-- Pauses all queues of an environment, or resumes those that are not paused themselves.
-- $1 text environment, $2 boolean whether it pauses
select jsonb_build_object('environment_id', e.environment_id, 'is_paused', e.paused) as row
from engine_set_environment(environment_id => $1::text, paused => $2::boolean) as e
