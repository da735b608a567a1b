-- Pauses a queue, or resumes it.
-- $1 text queue, $2 text environment, $3 boolean whether it pauses, $4 text why, or null
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'queue', q.name,
           'environment_id', q.environment_id,
           'is_paused', q.paused,
           'paused_at', q.paused_at,
           'paused_by', q.paused_by,
           'pause_reason', q.pause_reason) end as row
from engine_set_queue(name => $1::text, environment_id => $2::text, paused => $3::boolean, reason => $4::text) as q
