-- Waits that nothing ends, for operators, computed when it is read: runs that wait for each other in a circle, and full queues and
-- environments whose slots are all held by runs that wait for queued ones of the same queue or environment. Those continue only if
-- one of them is suspended. A queue without a limit of its own has that of its environment, which only several queues exceed.
-- Circles are looked for among the first 20,000 edges, and the first 1,000 of these that may be part of one: each end of such an
-- edge waits, and is waited for, two steps far. A wait that has an end of its own, by a timeout or a ttl, is none of these.
create view engine.deadlock as
with recursive wait as materialized (
    select e.shard, e.run_id, e.waitpoint_id, coalesce(i.run_id, w.completed_by_run_id) as other_id, e.created_at
    from (
        select e.shard, e.run_id, e.waitpoint_id, e.created_at
        from engine.edge as e
        limit 20000
    ) as e
    join engine.waitpoint as w on w.shard = e.shard and w.id = e.waitpoint_id
    left join engine.batch_item as i on i.shard = w.shard and i.batch_id = w.completed_by_batch_id and i.error is null
    where w.status = 'PENDING' and (w.completed_by_run_id is not null or i.run_id is not null)
), inner_wait as materialized (
    select w.shard, w.run_id, w.waitpoint_id, w.other_id, w.created_at
    from wait as w
    where w.other_id in (select a.run_id from wait as a) and w.run_id in (select b.other_id from wait as b)
), link as materialized (
    select w.run_id, w.other_id, w.created_at
    from inner_wait as w
    where w.other_id in (select a.run_id from inner_wait as a)
      and w.run_id in (select b.other_id from inner_wait as b)
      and not exists (
          select from engine.timer as t
          where t.shard = w.shard and t.kind = 'FINISH_WAITPOINT' and t.id = w.waitpoint_id)
    limit 1000
), reach(run_id, other_id) as (
    select l.run_id, l.other_id
    from link as l
    union
    select r.run_id, l.other_id
    from reach as r
    join link as l on l.run_id = r.other_id
), circle as (
    select r.run_id, min(b.other_id) as first_id
    from reach as r
    join reach as b on b.run_id = r.run_id
    join reach as c on c.run_id = b.other_id and c.other_id = r.run_id
    where r.other_id = r.run_id
    group by r.run_id
), full_lane as materialized (
    select h.shard, h.environment_id, h.queue, h.concurrency_key, count(*) as slots
    from engine.heartbeat as h
    left join engine.environment as e on e.id = h.environment_id
    left join engine.queue as k on k.environment_id = h.environment_id and k.name = h.queue
    cross join lateral (
        select coalesce(k.override_limit, k.concurrency_limit) as own, e.concurrency_limit as within
    ) as l
    where h.holds_slot and h.is_counted and (l.own is not null or e.burst_factor > 1)
    group by h.shard, h.environment_id, h.queue, h.concurrency_key, least(l.own, l.within)
    having count(*) >= least(l.own, l.within)
), full_environment as materialized (
    select h.shard, h.environment_id, count(*) as slots
    from engine.heartbeat as h
    join engine.environment as e on e.id = h.environment_id
    where h.holds_slot and h.is_counted
    group by h.shard, h.environment_id, floor(e.concurrency_limit * e.burst_factor)
    having count(*) >= floor(e.concurrency_limit * e.burst_factor)
), full_place as (
    select 'full_queue' as kind, l.shard, l.environment_id, l.queue, l.concurrency_key, l.slots
    from full_lane as l
    union all
    select 'full_environment', e.shard, e.environment_id, null, null, e.slots
    from full_environment as e
)
select 'circle' as kind,
       'run_' || c.first_id as subject,
       format('Runs wait for each other in a circle: %s.',
              array_to_string((array_agg('run_' || c.run_id order by c.run_id))[1:10], ', ')) as detail,
       'Cancel one of them with engine_cancel.' as hint,
       (select t.now from engine.clock as t) - max(l.created_at) as age
from circle as c
join lateral (
    select max(l.created_at) as created_at
    from link as l
    where l.run_id = c.run_id
) as l on true
group by c.first_id
union all
select f.kind,
       coalesce(f.queue, f.environment_id),
       case when f.queue is null
           then format('Environment "%s" is full, and its runs wait for queued runs of the same environment: %s.', f.environment_id,
                       s.runs)
           else format('Queue "%s" of environment "%s" is full%s, and its runs wait for queued runs of the same queue: %s.', f.queue,
                       f.environment_id,
                       case when f.concurrency_key <> '' then format(' for key "%s"', f.concurrency_key) else '' end, s.runs)
       end,
       case when f.queue is null
           then 'Raise the limit of the environment, or suspend runs that wait.'
           else 'Raise the limit of the queue, or trigger the awaited runs into another queue.'
       end,
       (select t.now from engine.clock as t) - s.blocked_at
from full_place as f
cross join lateral (
    select count(*) as stuck,
           max(b.created_at) as blocked_at,
           array_to_string((array_agg('run_' || h.run_id order by h.run_id))[1:10], ', ') as runs
    from engine.heartbeat as h
    join engine.run_state as s on s.shard = h.shard and s.run_id = h.run_id
    cross join lateral (
        select e.created_at
        from engine.edge as e
        join engine.waitpoint as w on w.shard = e.shard and w.id = e.waitpoint_id
        left join engine.batch_item as m on m.shard = w.shard and m.batch_id = w.completed_by_batch_id and m.error is null
        join engine.queue_item as i on i.shard = w.shard and i.run_id = coalesce(m.run_id, w.completed_by_run_id)
        where e.shard = h.shard and e.run_id = h.run_id
          and w.status = 'PENDING'
          and i.expires_at is null
          and not exists (
              select from engine.timer as t
              where t.shard = w.shard and t.kind = 'FINISH_WAITPOINT' and t.id = w.id)
          and i.environment_id = f.environment_id
          and (f.queue is null or i.queue = f.queue and i.concurrency_key = f.concurrency_key)
        limit 1
    ) as b
    where h.shard = f.shard and h.environment_id = f.environment_id
      and (f.queue is null or h.queue = f.queue and h.concurrency_key = f.concurrency_key)
      and h.holds_slot and h.is_counted
      and s.execution_status = 'EXECUTING_WITH_WAITPOINTS'
) as s
where s.stuck = f.slots;

comment on view engine.deadlock is 'Waits that never end: cycles of runs, and full queues and environments whose runs wait for queued ones of the same';
