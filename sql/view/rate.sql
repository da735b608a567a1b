-- Recent activity per second, for operators: of the last ten seconds, or of the last 20,000 snapshots if these cover less,
-- so that reading it often costs little however much happens. The positions have both bounds: the planner assumes that such
-- a range is small, whatever it knows of the newest rows, and finds it by snapshot_position.
create view engine.rate as
with recent as materialized (
    select s.transition, s.execution_status, s.run_status, s.created_at
    from engine.snapshot as s
    where s.position > (select p.last_value - 20000 from engine.event_position as p)
      and s.position <= (select p.last_value from engine.event_position as p)
), span as (
    select c.since, extract(epoch from c.now - c.since)::double precision as seconds
    from (
        select t.now,
               case when p.last_value > 20000 then least(
                        greatest(t.now - interval '10 seconds', (select min(r.created_at) from recent as r)),
                        t.now - interval '1 millisecond')
                    else t.now - interval '10 seconds'
               end as since
        from engine.clock as t
        cross join engine.event_position as p
    ) as c
)
select w.seconds,
       count(*) filter (where r.transition in ('TRIGGERED', 'TRIGGERED_DELAYED')) / w.seconds as triggered,
       count(*) filter (where r.transition = 'DEQUEUED') / w.seconds as dequeued,
       count(*) filter (where r.execution_status = 'FINISHED') / w.seconds as finished,
       count(*) filter (where r.execution_status = 'FINISHED' and r.run_status in (
           'COMPLETED_WITH_ERRORS', 'SYSTEM_FAILURE', 'CRASHED', 'INTERRUPTED', 'TIMED_OUT')) / w.seconds as failed,
       count(*) filter (where r.transition in ('RETRIED', 'RETRIED_BY_QUEUE')) / w.seconds as retried,
       count(*) filter (where r.transition in ('REQUEUED', 'ATTEMPT_FAILED', 'STALLED_FOR_GOOD')) / w.seconds as stalled
from span as w
left join recent as r on r.created_at >= w.since
group by w.seconds;

comment on view engine.rate is 'Recent activity per second: one row';
comment on column engine.rate.seconds is 'The measured time: ten seconds, or as far back as 20,000 snapshots reach';
comment on column engine.rate.finished is 'Runs that ended, in whichever way';
comment on column engine.rate.failed is 'Runs that ended with an error';
comment on column engine.rate.stalled is 'Attempts whose worker missed its deadline, or that ran out of memory';
