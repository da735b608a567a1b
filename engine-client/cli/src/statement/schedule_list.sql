-- Schedules, those that are due next first.
-- $1 text environment, null for all
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'id', s.id,
           'task', s.task,
           'environment_id', s.environment_id,
           'cron', s.cron,
           'timezone', s.timezone,
           'is_paused', not s.is_active,
           'next_at', s.next_effective_at,
           'last_nominal_at', s.last_nominal_at,
           'last_run_id', 'run_' || s.last_run_id,
           'last_error', s.last_error) end as row
from engine.schedule as s
where $1::text is null or s.environment_id = $1
order by s.next_at nulls last, s.id
