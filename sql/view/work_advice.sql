-- Advice about the work itself: what the tick has not done, queues that no worker serves, waits that nothing ends, readers and the
-- sweep that are behind, a clock that went back. The last dequeue of a queue, and rows from the future, are searched for among the
-- last 20,000 snapshots, as in engine.rate. Of queues that are behind, ten are named, those that wait longest, and the others are counted.
create view engine.work_advice as
with recent as materialized (
    select s.shard, s.run_id, s.transition, s.created_at
    from engine.snapshot as s
    where s.position > (select p.last_value - 20000 from engine.event_position as p)
      and s.position <= (select p.last_value from engine.event_position as p)
), taken as materialized (
    select r.environment_id, r.queue, max(s.created_at) as last_at
    from recent as s
    join engine.run as r on r.shard = s.shard and r.id = s.run_id
    where s.transition = 'DEQUEUED'
    group by r.environment_id, r.queue
), asked as materialized (
    select i.environment_id, i.queue, string_agg(distinct format('"%s"', i.worker_queue), ', ') as worker_queues
    from engine.queue_item as i
    group by i.environment_id, i.queue
), idle as materialized (
    select q.environment_id, q.queue, q.due, q.running, q.oldest_age, q.is_paused as is_queue_paused,
           coalesce(e.is_paused, false) as is_environment_paused,
           -- Of the pause that the advice ends: that of the queue, if both are paused.
           case when q.is_paused then q.paused_at else e.paused_at end as paused_at,
           case when q.is_paused then q.paused_by else e.paused_by end as paused_by,
           case when q.is_paused then q.pause_reason else e.pause_reason end as pause_reason,
           q.concurrency_limit = 0 as is_queue_closed, e.concurrency_limit = 0 as is_environment_closed,
           q.is_paused or coalesce(e.is_paused, false) as is_held
    from engine.unfiltered_queue_stats as q
    left join engine.environment as e on e.id = q.environment_id
    where q.due > 0
), waiting as materialized (
    select i.*,
           case when i.is_held then i.oldest_age else least(i.oldest_age, (select t.now from engine.clock as t) - t.last_at) end as age
    from idle as i
    left join taken as t on t.environment_id = i.environment_id and t.queue = i.queue
    where i.is_held or i.running = 0
), behind as materialized (
    select w.*, row_number() over (partition by w.is_held order by w.age desc, w.environment_id, w.queue) as place
    from waiting as w
), leader as materialized (
    -- The kind of the lock of engine_lead (engine-ext/src/backend/locks.rs).
    select min(l.pid) as pid
    from pg_locks as l
    where l.locktype = 'advisory' and l.objsubid = 17668 and l.granted
      and l.database = (select d.oid from pg_database as d where d.datname = current_database())
)
select true as is_problem,
       'tick' as kind,
       o.kind as subject,
       format('Overdue work of kind "%s": %s. %s', o.kind, o.count,
              case when l.pid is not null then format('Session %s leads those that tick, and does not keep up.', l.pid)
                   when exists (select from pg_stat_activity as a where a.backend_type = 'engine tick' and a.datname = current_database())
                       then 'The background worker does not keep up.'
                   else 'No worker leads those that tick, and no background worker does it.'
              end) as detail,
       'Call engine_tick every second: from a worker of engine-client, or from the preloaded library.' as hint,
       'select kind, processed from engine_tick(10000)' as command,
       o.oldest_age as age
from engine.overdue as o
cross join leader as l
union all
select true, 'unclaimed', q.queue,
       format('Queue "%s" of environment "%s" has due runs: %s. %s', q.queue, q.environment_id, q.due,
              case when q.is_queue_closed then 'The limit of the queue is 0.'
                   when q.is_environment_closed then 'The limit of the environment is 0.'
                   else 'No worker dequeues them.'
              end),
       case when q.is_queue_closed then 'Raise the limit of the queue, or remove it.'
            when q.is_environment_closed then 'Raise the limit of the environment, or remove it.'
            else format('Start a worker for worker queue %s, or raise the limit of the environment if other queues use it up.',
                        a.worker_queues)
       end,
       case when q.is_queue_closed
                then format('select engine_set_queue(%L, %L, concurrency_limit => null, override_limit => null)', q.queue, q.environment_id)
            when q.is_environment_closed then format('select engine_set_environment(%L, concurrency_limit => null)', q.environment_id)
       end,
       q.age
from behind as q
left join asked as a on a.environment_id = q.environment_id and a.queue = q.queue
where not q.is_held and q.place <= 10
union all
select false, 'paused', q.queue,
       format('Queue "%s" of environment "%s" is paused and has due runs: %s.', q.queue, q.environment_id, q.due)
           || case when q.paused_by is null then ''
                   else format(' Paused %sby role "%s" at %s UTC%s.',
                               case when not q.is_queue_paused then 'with the environment ' end, q.paused_by,
                               to_char(q.paused_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
                               case when q.pause_reason is not null then format(': "%s"', q.pause_reason) end)
              end,
       case when q.is_queue_paused then 'Resume the queue.' else 'Resume the environment.' end,
       case when q.is_queue_paused then format('select engine_set_queue(%L, %L, paused => false)', q.queue, q.environment_id)
            else format('select engine_set_environment(%L, paused => false)', q.environment_id)
       end,
       q.age
from behind as q
where q.is_held and q.place <= 10
union all
select not q.is_held, case when q.is_held then 'paused' else 'unclaimed' end, '',
       format('Other queues %s: %s, with due runs: %s.',
              case when q.is_held then 'are paused, or their environments' else 'have due runs that no worker dequeues' end,
              count(*), sum(q.due)),
       'They are found by their oldest due run, those that wait longest first.',
       'select environment_id, queue, due, oldest_age from engine.queue_stats where due > 0 order by oldest_age desc',
       max(q.age)
from behind as q
where q.place > 10
group by q.is_held
union all
select (select t.now from engine.clock as t) - p.since > interval '10 minutes', 'parked', p.environment_id,
       format('Runs of environment "%s" wait for a worker version: %s, of task "%s" the oldest. %s', p.environment_id, p.count, r.task,
              case when r.version is not null then format('It asks for version "%s".', r.version)
                   when k.version is not null then format('Version "%s" has the task, and is not current.', k.version)
                   else 'No registered version has the task.'
              end),
       'Register a version that has the task and its queue, or promote one.',
       case when r.version is null and k.version is not null
           then format('select engine_promote_worker(%L, %L)', p.environment_id, k.version)
       end,
       (select t.now from engine.clock as t) - p.since
from (
    select i.environment_id, count(*) as count, min(i.created_at) as since,
           (array_agg(i.run_id order by i.created_at, i.run_id))[1] as run_id, min(i.shard) as shard
    from engine.parked as i
    group by i.environment_id
) as p
join engine.run as r on r.shard = p.shard and r.id = p.run_id
left join lateral (
    select w.version
    from engine.worker as w
    where w.environment_id = p.environment_id and not w.is_current and w.tasks ? r.task
    order by w.registered_at desc
    limit 1
) as k on true
union all
select true, 'deadlock', d.subject, d.detail, d.hint,
       case when d.kind = 'circle' then format('select engine_cancel(%L, finalize => true)', d.subject) end,
       d.age
from engine.deadlock as d
union all
select r.has_missed or r.oldest_age > r.max_lag, 'event_reader', r.name,
       case when r.has_missed then format('Events were removed that reader "%s" of events has not acknowledged.', r.name)
            else format('Reader "%s" of events has not acknowledged %s rows of history; it holds back what is younger than %s.',
                        r.name, r.lag, r.max_lag) end,
       case when r.has_missed then 'Acknowledge the position that the error RE015 names, and read what is missing from the tables that it fills.'
            else 'Have it call engine_events and engine_event_ack, or delete it.' end,
       case when r.has_missed then format('select engine_event_ack(%L, %s)', r.name, (select max(h.position) from engine.event_horizon as h))
            else format('select engine_delete_event_reader(%L)', r.name) end,
       r.oldest_age
from engine.event_reader as r
where r.has_missed or r.oldest_age > r.max_lag / 2
union all
select k.due_since < (select t.now from engine.clock as t) - interval '1 hour', 'retention', 'sweep',
       format('Runs are due for a look of the sweep: %s stretches of up to 1000.', k.due_stretches),
       'Call engine_sweep until it returns 0, and engine_tick with more items if this comes again.',
       'select engine_sweep(100000)',
       (select t.now from engine.clock as t) - k.due_since
from engine.kept as k
where k.due_since < (select t.now from engine.clock as t) - interval '10 minutes'
union all
select false, 'retention', 'engine.retention',
       format('No run is ever removed, and there are about %s.', k.run_count),
       'Say how long to keep them: engine_set_retention, or engine_delete_retention() for the built-in times.',
       'select engine_delete_retention()',
       null
from engine.kept as k
where not k.is_swept
union all
select true, 'clock', 'server',
       format('History has a row whose time comes in %s seconds: the clock of the server went back.', c.ahead_seconds),
       'Let the clock be slewed and not stepped. Runs that became due by the earlier clock wait until this one gets there.',
       null,
       null
from (
    select extract(epoch from max(s.created_at) - (select t.now from engine.clock as t))::bigint as ahead_seconds
    from recent as s
) as c
where c.ahead_seconds >= 2;

comment on view engine.work_advice is 'Part of engine.advice: overdue work, queues without workers, waits that nothing ends, readers that are behind';
