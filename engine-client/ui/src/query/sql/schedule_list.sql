-- Schedules with what became of their last run, active ones first.
-- $1 text environment, or null for all
select jsonb_build_object(
           'schedule_id', s.schedule_id,
           'environment_id', s.environment_id,
           'task', s.task,
           'cron', s.cron,
           'timezone', s.timezone,
           'spread_window', s.spread_window,
           'is_active', s.is_active,
           'last_at', s.last_nominal_at,
           'next_at', s.next_nominal_at,
           'next_effective_at', s.next_effective_at,
           'next_local', to_char(s.next_nominal_at at time zone s.timezone, 'Dy HH24:MI'),
           'last_run_id', s.last_run_id,
           'last_error', s.last_error,
           'run_status', r.status,
           'execution_status', r.execution_status,
           'upcoming', case when s.is_active then (
                select jsonb_agg(u.nominal_at order by u.nominal_at)
                from engine_upcoming_runs(s.schedule_id, 41) as u
                where u.nominal_at < clock_timestamp() + interval '24 hours') end) as row
from engine.schedule_detail as s
left join engine.environment_shard as e on e.environment_id = s.environment_id
-- Looked up for each: a join of all would read every run that there is.
left join lateral (
    select d.status, d.execution_status
    from engine.run_detail as d
    where d.shard = e.shard and d.run_id = s.last_run_id
    offset 0
) as r on true
where $1::text is null or s.environment_id = $1
order by s.is_active desc, s.next_effective_at, s.schedule_id
limit 500
