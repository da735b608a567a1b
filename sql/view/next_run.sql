-- The next run of each active schedule.
create view engine.next_run with (security_barrier) as
select s.id as schedule_id,
       s.environment_id,
       s.task,
       s.cron,
       s.timezone,
       s.next_nominal_at as nominal_at,
       s.next_effective_at as effective_at,
       s.last_nominal_at,
       s.last_run_id,
       s.last_error
from engine.schedule as s
where s.next_at is not null
  and ((select v.is_everywhere from engine.read_scope as v)
       or s.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]))
order by s.next_effective_at, s.id;

comment on view engine.next_run is 'Active schedules, by the time of their next run';
