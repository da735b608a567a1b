-- Figures of queues and environments, for monitoring. The hundred busiest have series of their own, and all others one together,
-- so that names made up by callers cannot fill a monitoring system.
create view engine.queue_metric as
select case when q.place <= 100 then q.environment_id else '(other)' end as environment,
       case when q.place <= 100 then q.queue else '(other)' end as queue,
       sum(q.queued)::bigint as queued,
       sum(q.due)::bigint as due,
       sum(q.running)::bigint as running,
       max(q.oldest_due_age_seconds) as oldest_due_age_seconds,
       min(q.concurrency_limit) filter (where q.place <= 100) as concurrency_limit,
       count(*) filter (where q.is_paused) as paused
from (
    select s.environment_id, s.queue, s.queued, s.due, s.running, s.concurrency_limit, s.is_paused,
           greatest(0, extract(epoch from s.oldest_age))::double precision as oldest_due_age_seconds,
           row_number() over (order by s.due + s.running desc, s.queued desc, s.environment_id, s.queue) as place
    from engine.unfiltered_queue_stats as s
) as q
group by 1, 2;

comment on view engine.queue_metric is 'Figures per queue: the hundred busiest, and all others together as (other)';
comment on column engine.queue_metric.oldest_due_age_seconds is 'How long the oldest due run has been due; 0 if none is';
comment on column engine.queue_metric.paused is 'How many queues of this row are paused';

create view engine.environment_metric as
select case when e.place <= 100 then e.environment_id else '(other)' end as environment,
       sum(e.queued)::bigint as queued,
       sum(e.due)::bigint as due,
       sum(e.running)::bigint as running,
       max(e.oldest_due_age_seconds) as oldest_due_age_seconds,
       min(e.slot_limit) filter (where e.place <= 100) as slot_limit,
       count(*) filter (where e.is_paused) as paused
from (
    select s.environment_id, s.queued, s.due, s.running, s.is_paused,
           floor(s.concurrency_limit * s.burst_factor)::bigint as slot_limit,
           greatest(0, extract(epoch from s.oldest_age))::double precision as oldest_due_age_seconds,
           row_number() over (order by s.due + s.running desc, s.queued desc, s.environment_id) as place
    from engine.unfiltered_environment_stats as s
    where not s.is_archived
) as e
group by 1;

comment on view engine.environment_metric is 'Figures per environment: the hundred busiest, and all others together as (other)';
comment on column engine.environment_metric.slot_limit is 'Slots that all its queues together may hold; null for no limit';
