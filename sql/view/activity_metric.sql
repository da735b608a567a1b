-- What happened in the last minute, for monitoring: of the last 20,000 snapshots, if these cover less. Nothing counts while runs
-- are executed: these figures are read from the history.
create view engine.recent_snapshot as
select s.shard, s.run_id, s.ordinal, s.transition, s.execution_status, s.run_status, s.created_at, c.seconds
from (
    select t.now,
           greatest(0.001, extract(epoch from t.now - greatest(t.now - interval '1 minute', coalesce(f.first_at, '-infinity')))
                    )::double precision as seconds,
           p.last_value as last_position
    from engine.clock as t
    cross join engine.event_position as p
    cross join lateral (
        select case when p.last_value > 20000 then min(s.created_at) end as first_at
        from engine.snapshot as s
        where s.position > p.last_value - 20000 and s.position <= p.last_value - 19900
    ) as f
) as c
join engine.snapshot as s on s.position > c.last_position - 20000 and s.position <= c.last_position
where s.is_valid and s.created_at > c.now - c.seconds * interval '1 second';

comment on view engine.recent_snapshot is 'Snapshots of the last minute, at most 20,000';
comment on column engine.recent_snapshot.seconds is 'The time that all of them cover: a minute, or as far back as 20,000 reach';

create view engine.outcome_metric as
select o.outcome, coalesce(count(r.run_id) / max(r.seconds), 0)::double precision as ended_per_second
from (values
    ('COMPLETED', array['COMPLETED_SUCCESSFULLY']),
    ('CANCELED', array['CANCELED']),
    ('EXPIRED', array['EXPIRED']),
    ('FAILED', array['COMPLETED_WITH_ERRORS', 'INTERRUPTED']),
    ('DEAD_LETTER', array['SYSTEM_FAILURE', 'CRASHED', 'TIMED_OUT'])
) as o(outcome, statuses)
left join engine.recent_snapshot as r on r.execution_status = 'FINISHED' and r.run_status::text = any (o.statuses)
group by o.outcome;

comment on view engine.outcome_metric is 'Runs that ended in the last minute per second, by outcome as in engine_retention';

-- A claim's latency is the time from when its run was due to its dequeue: due since it entered the queue, or since its retry.
create view engine.activity_metric as
select coalesce(count(*) filter (where r.transition in ('TRIGGERED', 'TRIGGERED_DELAYED')) / max(r.seconds), 0)::double precision as triggered_per_second,
       coalesce(count(*) filter (where r.transition = 'DEQUEUED') / max(r.seconds), 0)::double precision as dequeued_per_second,
       coalesce(count(*) filter (where r.transition in ('RETRIED', 'RETRIED_BY_QUEUE')) / max(r.seconds), 0)::double precision as retried_per_second,
       coalesce(count(*) filter (where r.transition in ('REQUEUED', 'ATTEMPT_FAILED', 'STALLED_FOR_GOOD')) / max(r.seconds), 0)::double precision
           as stalled_per_second,
       percentile_cont(0.5) within group (order by l.seconds) as claim_latency_median_seconds,
       percentile_cont(0.99) within group (order by l.seconds) as claim_latency_p99_seconds,
       max(l.seconds) as claim_latency_max_seconds
from engine.recent_snapshot as r
left join lateral (
    select greatest(0, extract(epoch from r.created_at
               - greatest(p.created_at, (p.detail ->> 'retryAt')::timestamptz, case when p.ordinal = 1 then u.queue_timestamp end)))::double precision as seconds
    from engine.snapshot as p
    join engine.run as u on u.shard = p.shard and u.id = p.run_id
    where p.shard = r.shard and p.run_id = r.run_id and p.ordinal = r.ordinal - 1
) as l on r.transition = 'DEQUEUED';

comment on view engine.activity_metric is 'What happened in the last minute per second, and how long due runs waited for their dequeue, in one row';
comment on column engine.activity_metric.stalled_per_second is 'Attempts whose worker missed its deadline, or that ran out of memory';
comment on column engine.activity_metric.claim_latency_median_seconds is 'Null if no run was dequeued';
