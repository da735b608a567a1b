-- How long runs were due before they were dequeued, and how long attempts took that did not wait, by task, the slowest first: of the
-- newest 5,000 snapshots, and of the last 15 minutes.
-- $1 text environment, null for all; $2 bigint at most so many
-- Locks: none. Index: snapshot_position, snapshot_run, run_pkey.
with recent as materialized (
    select s.shard, s.run_id, s.ordinal, s.transition, s.created_at
    from engine.snapshot as s
    where s.position > (select p.last_value - 5000 from engine.event_position as p)
      and s.position <= (select p.last_value from engine.event_position as p)
      and s.is_valid
      and s.created_at > (select c.now - interval '15 minutes' from engine.clock as c)
      and s.transition in ('DEQUEUED', 'SUCCEEDED', 'FAILED', 'RETRIED', 'RETRIED_BY_QUEUE')
), timed as (
    select r.environment_id, r.task, s.transition = 'DEQUEUED' as is_wait,
           greatest(0, extract(epoch from s.created_at
               - greatest(b.created_at, (b.detail ->> 'retryAt')::timestamptz, case when b.ordinal = 1 then r.queue_timestamp end)) * 1000) as ms
    from recent as s
    join engine.run as r on r.shard = s.shard and r.id = s.run_id
    cross join lateral (
        select p.ordinal, p.transition, p.created_at, p.detail
        from engine.snapshot as p
        where p.shard = s.shard and p.run_id = s.run_id and p.ordinal < s.ordinal and p.is_valid
        order by p.ordinal desc
        limit 1
    ) as b
    where ($1::text is null or r.environment_id = $1)
      and (s.transition = 'DEQUEUED' or b.transition in ('STARTED', 'DEQUEUED'))
), measured as (
    select t.environment_id, t.task,
           count(*) filter (where t.is_wait) as dequeued,
           count(*) filter (where not t.is_wait) as ended,
           percentile_cont(array[0.5, 0.95, 0.99]) within group (order by t.ms) filter (where t.is_wait) as waited,
           percentile_cont(array[0.5, 0.95, 0.99]) within group (order by t.ms) filter (where not t.is_wait) as ran
    from timed as t
    group by t.environment_id, t.task
)
select jsonb_build_object(
           'task', m.task,
           'environment_id', m.environment_id,
           'dequeued', m.dequeued,
           'wait_p50_ms', m.waited[1]::bigint,
           'wait_p95_ms', m.waited[2]::bigint,
           'wait_p99_ms', m.waited[3]::bigint,
           'ended', m.ended,
           'run_p50_ms', m.ran[1]::bigint,
           'run_p95_ms', m.ran[2]::bigint,
           'run_p99_ms', m.ran[3]::bigint) as row
from measured as m
order by greatest(m.waited[2], m.ran[2]) desc nulls last, m.environment_id, m.task
limit $2::bigint
