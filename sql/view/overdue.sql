-- Work that the tick has not done yet, for operators. With a running tick, no row stays for more than a moment.
create view engine.overdue as
select d.kind,
       count(*) as count,
       min(d.due_at) as oldest_due_at,
       (select t.now from engine.clock as t) - min(d.due_at) as oldest_age
from (
    select 'heartbeat' as kind, h.deadline_at as due_at
    from engine.heartbeat as h
    where h.check_at <= (select t.now from engine.clock as t) and h.deadline_at <= (select t.now from engine.clock as t)
    union all
    select lower(t.kind), t.due_at
    from engine.timer as t
    where t.due_at <= (select t.now from engine.clock as t)
    union all
    select 'schedule', s.next_at
    from engine.schedule as s
    where s.next_at <= (select t.now from engine.clock as t)
) as d
group by d.kind;

comment on view engine.overdue is 'Overdue work, by kind: heartbeat deadlines, timers, schedules';
