-- Pauses a schedule, or resumes it. One that does not exist is refused: it has no task.
-- $1 text schedule, $2 boolean whether it makes runs
select jsonb_build_object('id', s.id, 'environment_id', s.environment_id, 'is_paused', not s.active) as row
from engine_set_schedule(id => $1::text, active => $2::boolean) as s
