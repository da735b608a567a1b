-- Waits that nothing ends, for operators, computed when it is read: runs that wait for each other in a circle, and full queues and
-- environments whose slots are all held by runs that wait, directly or through others, for queued runs of the same place or of
-- another one that is stuck as well. They continue only if one of these runs is suspended. A queue without a limit of its own
-- has that of its environment, which only several queues exceed. A run that is queued in a full queue of a full environment
-- waits for the queue: if one of the queue's slots comes free, so does one of the environment's.
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
), full_place as materialized (
    select row_number() over () as id, p.kind, p.shard, p.environment_id, p.queue, p.concurrency_key
    from (
        select 'full_queue' as kind, l.shard, l.environment_id, l.queue, l.concurrency_key
        from full_lane as l
        union all
        select 'full_environment', e.shard, e.environment_id, null, null
        from full_environment as e
    ) as p
), item as materialized (
    -- Queued runs that others wait for, and the full place that each waits for.
    select distinct w.other_id as run_id, p.id as place_id
    from wait as w
    join engine.queue_item as i on i.shard = w.shard and i.run_id = w.other_id and i.expires_at is null
    cross join lateral (
        select f.id
        from full_place as f
        where f.shard = i.shard and f.environment_id = i.environment_id
          and (f.queue is null or f.queue = i.queue and f.concurrency_key = i.concurrency_key)
        order by f.queue nulls last
        limit 1
    ) as p
), holder as materialized (
    select f.id as place_id, h.run_id
    from full_place as f
    join engine.heartbeat as h on h.shard = f.shard and h.environment_id = f.environment_id
         and (f.queue is null or h.queue = f.queue and h.concurrency_key = f.concurrency_key)
    where h.holds_slot and h.is_counted and f.id in (select i.place_id from item as i)
), chain as materialized (
    select w.run_id, w.other_id, w.created_at
    from wait as w
    where exists (select from holder)
      and (w.other_id in (select i.run_id from item as i) or w.other_id in (select a.run_id from wait as a))
      and not exists (
          select from engine.timer as t
          where t.shard = w.shard and t.kind = 'FINISH_WAITPOINT' and t.id = w.waitpoint_id)
    limit 10000
), walk(place_id, holder_id, other_id, created_at) as (
    select h.place_id, h.run_id, c.other_id, c.created_at
    from holder as h
    join chain as c on c.run_id = h.run_id
    union
    select w.place_id, w.holder_id, c.other_id, w.created_at
    from walk as w
    join chain as c on c.run_id = w.other_id
), target as materialized (
    -- The places, and as 0 the circles, that a holder of a slot waits for.
    select w.place_id, w.holder_id, coalesce(i.place_id, 0) as target_id, max(w.created_at) as created_at
    from walk as w
    left join item as i on i.run_id = w.other_id
    where i.run_id is not null or w.other_id in (select c.run_id from circle as c)
    group by w.place_id, w.holder_id, i.place_id
), stuck(places) as (
    -- At first all of them; then those are taken out of which one holder waits for none that is left, until each does.
    select array(select distinct i.place_id from item as i order by i.place_id)
    union
    select array(
        select p.id
        from unnest(s.places) as p(id)
        where not exists (
            select
            from holder as h
            where h.place_id = p.id
              and not exists (
                  select
                  from target as t
                  where t.place_id = p.id and t.holder_id = h.run_id and (t.target_id = 0 or t.target_id = any (s.places))))
        order by p.id)
    from stuck as s
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
       case when f.queue is null then format('Environment "%s" is full', f.environment_id)
            else format('Queue "%s" of environment "%s" is full%s', f.queue, f.environment_id,
                        case when f.concurrency_key <> '' then format(' for key "%s"', f.concurrency_key) else '' end)
       end
       || case when not h.is_within then ', and its runs wait, directly or through others, for runs that do not begin either'
               when f.queue is null then ', and its runs wait for queued runs of the same environment'
               else ', and its runs wait for queued runs of the same queue'
          end
       || format(': %s.', h.runs),
       case when f.queue is null
           then 'Raise the limit of the environment, or suspend runs that wait.'
           else 'Raise the limit of the queue, or trigger the awaited runs into another queue.'
       end,
       (select t.now from engine.clock as t) - h.blocked_at
from full_place as f
cross join lateral (
    select array_to_string((array_agg('run_' || t.holder_id order by t.holder_id))[1:10], ', ') as runs,
           max(t.created_at) as blocked_at,
           bool_and(t.is_within) as is_within
    from (
        select t.holder_id,
               max(t.created_at) as created_at,
               bool_or(t.target_id = f.id and exists (
                   select
                   from chain as c
                   join item as i on i.run_id = c.other_id
                   where c.run_id = t.holder_id and i.place_id = f.id)) as is_within
        from target as t
        where t.place_id = f.id
        group by t.holder_id
    ) as t
) as h
where f.id = any ((select s.places from stuck as s order by cardinality(s.places) limit 1)::bigint[]);

comment on view engine.deadlock is 'Waits that never end: cycles of runs, and full queues and environments whose runs wait for queued ones of these';
