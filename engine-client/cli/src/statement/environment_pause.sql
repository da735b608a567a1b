-- Pauses all queues of an environment, or resumes those that are not paused themselves.
-- $1 text environment, $2 boolean whether it pauses, $3 text why, or null
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'environment_id', e.environment_id,
           'is_paused', e.paused,
           'paused_at', e.paused_at,
           'paused_by', e.paused_by,
           'pause_reason', e.pause_reason) end as row
from engine_set_environment(environment_id => $1::text, paused => $2::boolean, reason => $3::text) as e
