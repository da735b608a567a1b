-- What the history says of runs per minute, and how long they waited and took. Ranges of positions find their rows by
-- snapshot_position; the snapshot before is found by snapshot_run.
create view engine.measured_snapshot as
select s.position,
       s.created_at,
       r.environment_id,
       r.task,
       s.transition in ('TRIGGERED', 'TRIGGERED_DELAYED') as is_triggered,
       s.transition = 'DEQUEUED' as is_dequeued,
       s.execution_status = 'FINISHED' and s.run_status = 'COMPLETED_SUCCESSFULLY' as is_succeeded,
       s.execution_status = 'FINISHED'
           and s.run_status in ('COMPLETED_WITH_ERRORS', 'SYSTEM_FAILURE', 'CRASHED', 'INTERRUPTED', 'TIMED_OUT') as is_failed,
       s.execution_status = 'FINISHED' and s.run_status in ('CANCELED', 'EXPIRED') as is_cancelled,
       s.transition in ('RETRIED', 'RETRIED_BY_QUEUE') as is_retried,
       case when s.transition = 'DEQUEUED' then b.since_ms end as wait_ms,
       case when s.transition <> 'DEQUEUED' and b.transition in ('STARTED', 'DEQUEUED') then b.since_ms end as run_ms
from engine.snapshot as s
-- Looked up for each: a join of all would read every run that there is.
cross join lateral (
    select u.environment_id, u.task, u.queue_timestamp
    from engine.run as u
    where u.shard = s.shard and u.id = s.run_id
    offset 0
) as r
left join lateral (
    select p.transition,
           greatest(0, extract(epoch from s.created_at - greatest(
               p.created_at, (p.detail ->> 'retryAt')::timestamptz, case when p.ordinal = 1 then r.queue_timestamp end)) * 1000)::double precision as since_ms
    from engine.snapshot as p
    where p.shard = s.shard and p.run_id = s.run_id and p.ordinal < s.ordinal and p.is_valid
    order by p.ordinal desc
    limit 1
) as b on s.transition in ('DEQUEUED', 'SUCCEEDED', 'FAILED', 'RETRIED', 'RETRIED_BY_QUEUE')
where s.is_valid
  and (s.execution_status = 'FINISHED'
       or s.transition in ('TRIGGERED', 'TRIGGERED_DELAYED', 'DEQUEUED', 'RETRIED', 'RETRIED_BY_QUEUE'));

comment on view engine.measured_snapshot is 'Transitions that count per minute: what each was, and how long its run had waited or its attempt had taken';

create view engine.ungathered_snapshot as
select m.*
from engine.measured_snapshot as m
where m.position > (
          select case when p.last_value - g.position <= 4000 then g.position else p.last_value end
          from engine.event_position as p
          cross join (
              select coalesce((select o.gathered_position from engine.minute_mark as o), 0) as position
          ) as g)
  and m.position <= (select p.last_value from engine.event_position as p);

comment on view engine.ungathered_snapshot is 'What the tick has not gathered yet in engine.minute; nothing, if that is more than 4,000 events';

create view engine.minute_reach as
select m.marked_at, m.complete_since
from engine.minute_mark as m;

comment on view engine.minute_reach is 'How far the tick has gathered what happened per minute, in one row';
comment on column engine.minute_reach.marked_at is 'When it has gathered last';
comment on column engine.minute_reach.complete_since is 'Null if nothing before was left out';

create view engine.minute_history as
select m.minute, m.environment_id, m.task, m.triggered, m.dequeued, m.succeeded, m.failed, m.cancelled, m.retried
from engine.minute as m
union all
select date_trunc('minute', u.created_at),
       u.environment_id,
       u.task,
       count(*) filter (where u.is_triggered),
       count(*) filter (where u.is_dequeued),
       count(*) filter (where u.is_succeeded),
       count(*) filter (where u.is_failed),
       count(*) filter (where u.is_cancelled),
       count(*) filter (where u.is_retried)
from engine.ungathered_snapshot as u
group by date_trunc('minute', u.created_at), u.environment_id, u.task;

comment on view engine.minute_history is 'What happened per minute and task in the last three hours; a minute may have several rows, which add up. An estimate where more than 5,000 events came in ten seconds';
comment on column engine.minute_history.task is 'Empty, with an empty environment, for the tasks that have no rows of their own: those with fewest events';

create view engine.duration_count as
select m.minute, m.environment_id, m.task, k.is_wait, (c.place - 1)::integer as bucket, c.number::bigint as number
from engine.minute as m
cross join lateral (values (true, m.wait_counts), (false, m.run_counts)) as k(is_wait, counts)
cross join lateral unnest(k.counts) with ordinality as c(number, place)
where c.number > 0
union all
select date_trunc('minute', u.created_at), u.environment_id, u.task, k.is_wait,
       least(89, floor(ln(greatest(k.ms, 1)) / ln(2) * 3))::integer, 1
from engine.ungathered_snapshot as u
cross join lateral (values (true, u.wait_ms), (false, u.run_ms)) as k(is_wait, ms)
where k.ms is not null;

comment on view engine.duration_count is 'How many runs waited, and how many attempts took, how long, per minute and task of the last three hours; a minute may have several rows, which add up';
comment on column engine.duration_count.is_wait is 'Whether it is about waits for a dequeue, and not about attempts';
comment on column engine.duration_count.bucket is 'n has those from 2^(n/3) to 2^((n+1)/3) ms, the first also less, the last, 89, also more';

create view engine.latency as
with summed as (
    select c.environment_id, c.task, c.is_wait, c.bucket, sum(c.number) as number
    from engine.duration_count as c
    where c.minute > (select t.now from engine.clock as t) - interval '15 minutes'
    group by grouping sets ((c.environment_id, c.task, c.is_wait, c.bucket), (c.environment_id, c.is_wait, c.bucket), (c.is_wait, c.bucket))
), ranked as (
    select s.environment_id, s.task, s.is_wait, power(2, (s.bucket + 0.5) / 3) as ms,
           sum(s.number) over (partition by s.environment_id, s.task, s.is_wait order by s.bucket) as rank,
           sum(s.number) over (partition by s.environment_id, s.task, s.is_wait) as total
    from summed as s
)
select r.environment_id,
       r.task,
       coalesce(max(r.total) filter (where r.is_wait), 0)::bigint as dequeued,
       round(min(r.ms) filter (where r.is_wait and r.rank >= r.total * 0.5))::bigint as wait_p50_ms,
       round(min(r.ms) filter (where r.is_wait and r.rank >= r.total * 0.95))::bigint as wait_p95_ms,
       round(min(r.ms) filter (where r.is_wait and r.rank >= r.total * 0.99))::bigint as wait_p99_ms,
       coalesce(max(r.total) filter (where not r.is_wait), 0)::bigint as ended,
       round(min(r.ms) filter (where not r.is_wait and r.rank >= r.total * 0.5))::bigint as run_p50_ms,
       round(min(r.ms) filter (where not r.is_wait and r.rank >= r.total * 0.95))::bigint as run_p95_ms,
       round(min(r.ms) filter (where not r.is_wait and r.rank >= r.total * 0.99))::bigint as run_p99_ms
from ranked as r
group by r.environment_id, r.task;

comment on view engine.latency is 'How long due runs waited for their dequeue, and how long attempts took, in the last 15 minutes, to an eighth: by task, by environment, and of all';
comment on column engine.latency.environment_id is 'Null for all';
comment on column engine.latency.task is 'Null for all of the environment';
comment on column engine.latency.dequeued is 'How many waits were measured';
comment on column engine.latency.ended is 'How many attempts were measured: those that did not wait';
