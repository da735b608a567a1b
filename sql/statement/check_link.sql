-- Violated invariants of what belongs to runs: timers, waitpoints, batches, keys, the lists of parked and of failed runs, schedules and
-- readers of events; and rows that removed runs have left behind.
-- :waiting_statuses text[]: execution statuses that keep edges
-- :failure_statuses text[]: run statuses of runs that failed
-- -> kind text, run_id text null, detail text
-- Locks: none. Reads every run.
with state as (
    select s.shard, s.run_id, s.run_status::text as run_status, s.execution_status::text as execution_status, s.snapshot_ordinal,
           s.has_waitpoint
    from engine.run_state as s
), finding (kind, shard, run_id, detail) as (
    select 'timer', t.shard, t.id, format('The timer %s is about something that does not exist.', t.kind)
    from engine.timer as t
    where not exists (
        select from state as s
        where s.shard = t.shard and s.run_id = split_part(t.id, '/', 1) and t.kind in ('CANCEL_RUN', 'CONTINUE_RUN', 'END_DELAY', 'END_KEEP'))
      and not exists (
        select from engine.waitpoint as w
        where w.shard = t.shard and w.id = t.id and t.kind = 'FINISH_WAITPOINT')
      and not exists (
        select from engine.batch as b
        where b.shard = t.shard and b.id = split_part(t.id, '/', 1) and t.kind in ('COMPLETE_BATCH', 'EXPIRE_BATCH'))
      and t.kind not in ('FIT_LIMITS', 'PROMOTE')
    union all
    select 'edge', e.shard, e.run_id, format('The run waits for waitpoint %s, which does not exist.', e.waitpoint_id)
    from engine.edge as e
    where not exists (select from engine.waitpoint as w where w.shard = e.shard and w.id = e.waitpoint_id)
    union all
    select 'edge', e.shard, e.run_id, format('The run has edges and is %s.', coalesce(s.execution_status, 'not there'))
    from (select distinct e.shard, e.run_id from engine.edge as e) as e
    left join state as s on s.shard = e.shard and s.run_id = e.run_id
    where s.execution_status is null or s.execution_status <> all (:waiting_statuses)
    union all
    select 'edge', s.shard, s.run_id, 'The run waits, and has no edges.'
    from state as s
    where s.execution_status = 'EXECUTING_WITH_WAITPOINTS'
      and not exists (select from engine.edge as e where e.shard = s.shard and e.run_id = s.run_id)
    union all
    select 'wait', s.shard, s.run_id, format('The run is %s, everything that it waits for is completed, and nothing resumes it.',
                                    s.execution_status)
    from state as s
    join (
        select e.shard, e.run_id, coalesce(bool_or(w.status = 'PENDING'), false) as is_pending
        from engine.edge as e
        left join engine.waitpoint as w on w.shard = e.shard and w.id = e.waitpoint_id
        group by e.shard, e.run_id
    ) as e on e.shard = s.shard and e.run_id = s.run_id
    where s.execution_status in ('EXECUTING_WITH_WAITPOINTS', 'SUSPENDED')
      and not e.is_pending
      and not exists (
        select from engine.timer as t
        where t.shard = s.shard and t.kind = 'CONTINUE_RUN' and t.id > s.run_id || '/' and t.id < s.run_id || '0')
    union all
    select 'checkpoint', s.shard, s.run_id, 'The run is suspended, and its snapshot has no checkpoint.'
    from state as s
    join engine.snapshot as p on p.shard = s.shard and p.run_id = s.run_id and p.ordinal = s.snapshot_ordinal
    where s.execution_status = 'SUSPENDED'
      and not exists (select from engine.checkpoint as k where k.shard = p.shard and k.id = p.checkpoint_id)
    union all
    select 'waitpoint', w.shard, w.completed_by_run_id, format('Waitpoint %s is %s, its run %s.', w.id, w.status,
                                                      coalesce(s.execution_status, 'not there'))
    from engine.waitpoint as w
    left join state as s on s.shard = w.shard and s.run_id = w.completed_by_run_id
    where w.completed_by_run_id is not null
      and (s.run_id is null or w.status = 'PENDING' and s.execution_status = 'FINISHED')
    union all
    select 'waitpoint', s.shard, s.run_id, format('The run has %s waitpoint, and its state says otherwise.',
                                         case when w.id is null then 'no' else 'a' end)
    from state as s
    left join engine.waitpoint as w on w.shard = s.shard and w.completed_by_run_id = s.run_id
    where s.has_waitpoint <> (w.id is not null)
    union all
    select 'waitpoint', w.shard, null, format('Waitpoint %s is pending, its time was %s, and nothing completes it.', w.id, w.completed_after)
    from engine.waitpoint as w
    where w.status = 'PENDING' and w.completed_after is not null
      and not exists (
        select from engine.timer as t
        where t.shard = w.shard and t.kind = 'FINISH_WAITPOINT' and t.id = w.id and t.due_at <= w.completed_after)
    union all
    select 'batch', b.shard, null, format('Batch %s says %s items, %s failed; it has %s, %s.', b.id, b.item_count, b.failed_count,
                                 n.items, n.failed)
    from engine.batch as b
    cross join lateral (
        select count(*) as items, count(i.error) as failed
        from engine.batch_item as i
        where i.shard = b.shard and i.batch_id = b.id
    ) as n
    where b.item_count <> n.items or b.failed_count <> n.failed
    union all
    select 'batch', i.shard, i.run_id, format('The item of batch %s is no run of its environment.', i.batch_id)
    from engine.batch_item as i
    left join engine.batch as b on b.shard = i.shard and b.id = i.batch_id
    left join engine.run as r on r.shard = i.shard and r.id = i.run_id
    -- A run that has ended may be removed before the batch that it joined, or that found it by its key.
    where b.id is null or r.environment_id <> b.environment_id
    union all
    select 'batch', r.shard, r.id, format('The run joined batch %s, which has no such item.', r.batch_id)
    from engine.run as r
    where r.batch_id is not null
      and not exists (
        select from engine.batch_item as i
        where i.shard = r.shard and i.batch_id = r.batch_id and i.run_id = r.id)
    union all
    select 'batch', b.shard, null, format('Batch %s is %s, and its waitpoint is pending.', b.id, b.status)
    from engine.batch as b
    join engine.waitpoint as w on w.shard = b.shard and w.completed_by_batch_id = b.id
    where b.status in ('COMPLETED', 'ABORTED') and w.status = 'PENDING'
    union all
    select 'batch', b.shard, null, format('Batch %s is %s, all its runs have ended, and nothing ends it.', b.id, b.status)
    from engine.batch as b
    where b.status in ('PENDING', 'PROCESSING', 'PARTIAL_FAILED')
      and (b.sealed_at is not null or b.item_count >= b.run_count)
      and not exists (
        select from engine.run as r
        join state as s on s.shard = r.shard and s.run_id = r.id
        where r.shard = b.shard and r.batch_id = b.id and s.execution_status <> 'FINISHED')
      and not exists (
        select from engine.timer as t
        where t.shard = b.shard and t.kind = 'COMPLETE_BATCH' and t.id > b.id || '/' and t.id < b.id || '0')
    union all
    select 'timer', s.shard, s.run_id, 'The run waits for its time, and no timer ends that.'
    from state as s
    where s.execution_status = 'DELAYED'
      and not exists (select from engine.timer as t where t.shard = s.shard and t.kind = 'END_DELAY' and t.id = s.run_id)
    union all
    select 'timer', s.shard, s.run_id, 'The run says how long it is kept, and no timer ends that.'
    from engine.run_state as s
    where s.keep_ms is not null and s.execution_status = 'FINISHED'
      and not exists (select from engine.timer as t where t.shard = s.shard and t.kind = 'END_KEEP' and t.id = s.run_id)
    union all
    select 'delay', s.shard, s.run_id, format('The run is %s, its execution status %s.', s.run_status, s.execution_status)
    from state as s
    where (s.run_status = 'DELAYED') <> (s.execution_status = 'DELAYED')
    union all
    select 'expiry', i.shard, i.run_id, 'The item expires, and the run has no time to live or was handed out before.'
    from engine.queue_item as i
    join engine.run as r on r.shard = i.shard and r.id = i.run_id
    join engine.run_state as s on s.shard = i.shard and s.run_id = i.run_id
    where i.expires_at is not null and (r.ttl is null or s.dequeued_at is not null)
    union all
    select 'trigger_key', k.shard, k.run_id, format('A key of kind %s belongs to no run.', k.kind)
    from engine.trigger_key as k
    where not exists (select from engine.run as r where r.shard = k.shard and r.id = k.run_id)
      -- The others outlive their runs, and expire.
      and (k.kind = 'ONE_TIME_TOKEN' or k.expires_at is null)
    union all
    select 'left_behind', o.shard, o.run_id, format('The run is gone, and table engine.%s has rows of it.', o.relation)
    from (
        select 'snapshot' as relation, s.shard, s.run_id
        from engine.snapshot as s
        union
        select 'notice', n.shard, n.run_id
        from engine.notice as n
        union
        select 'checkpoint', k.shard, k.run_id
        from engine.checkpoint as k
        where k.run_id is not null
        union
        select 'waitpoint_history', h.shard, h.run_id
        from engine.waitpoint_history as h
    ) as o
    where not exists (select from state as s where s.shard = o.shard and s.run_id = o.run_id)
      and not exists (select from engine.run as r where r.shard = o.shard and r.id = o.run_id)
    union all
    select 'left_behind', h.shard, h.run_id, format('The run has waited for waitpoint %s, which is gone, and has not ended.', h.waitpoint_id)
    from engine.waitpoint_history as h
    join state as s on s.shard = h.shard and s.run_id = h.run_id
    where s.execution_status <> 'FINISHED'
      and not exists (select from engine.waitpoint as w where w.shard = h.shard and w.id = h.waitpoint_id)
    union all
    select 'left_behind', w.shard, null, format('Batch %s is gone, and has a waitpoint.', w.completed_by_batch_id)
    from engine.waitpoint as w
    where w.completed_by_batch_id is not null
      and not exists (select from engine.batch as b where b.shard = w.shard and b.id = w.completed_by_batch_id)
    union all
    select 'parked', s.shard, s.run_id, format('The run is %s, %s, and %s on the list of those that wait for a version.', s.execution_status,
                                      s.run_status, case when p.run_id is null then 'not' else 'is' end)
    from state as s
    left join engine.parked as p on p.shard = s.shard and p.run_id = s.run_id
    where (s.execution_status = 'RUN_CREATED') <> (p.run_id is not null)
       or (s.execution_status = 'RUN_CREATED') <> (s.run_status = 'PENDING_VERSION')
    union all
    select 'parked', p.shard, p.run_id, 'The entry does not say what the run says.'
    from engine.parked as p
    left join engine.run as r on r.shard = p.shard and r.id = p.run_id
    where (p.environment_id, p.created_at) is distinct from (r.environment_id, r.created_at)
       or p.expires_at is not null and r.ttl is null
    union all
    select 'schedule', null, s.id, format('The schedule is %s and has %s next tick.', case when s.is_active then 'active' else 'not active' end,
                                    case when s.next_at is null then 'no' else 'a' end)
    from engine.schedule as s
    where not s.is_active and s.next_at is not null
    union all
    select 'event_reader', null, null, format('Reader %s of events has acknowledged position %s, and the last one drawn is %s.', r.name, r.position,
                                        p.last_value * 8 + 7)
    from engine.event_reader_position as r
    join engine.event_position as p on r.position > p.last_value * 8 + 7 or r.row_position > p.last_value
    union all
    select 'event_horizon', null, null, format('Events were removed up to position %s, and the last one drawn is %s.', h.position,
                                         p.last_value * 8 + 7)
    from engine.event_horizon as h
    join engine.event_position as p on h.position > p.last_value * 8 + 7
    union all
    select 'failure', coalesce(s.shard, f.shard), coalesce(s.run_id, f.run_id), format('The run is %s, and on the list of failures it is %s.',
                                                           coalesce(s.run_status, 'not there'), coalesce(f.run_status::text, 'not there'))
    from (
        select s.shard, s.run_id, s.run_status
        from state as s
        where s.run_status = any (:failure_statuses)
    ) as s
    full join engine.failure as f on f.shard = s.shard and f.run_id = s.run_id
    where s.run_status is distinct from f.run_status::text
    union all
    select 'failure', f.shard, f.run_id, 'The list of failures does not say what the run says.'
    from engine.failure as f
    join engine.run as r on r.shard = f.shard and r.id = f.run_id
    join engine.run_state as s on s.shard = f.shard and s.run_id = f.run_id
    where (f.failed_at, f.triggered_at, f.environment_id, f.task, f.queue, f.concurrency_key, f.version, f.is_dead_lettered)
          is distinct from (coalesce(s.completed_at, s.updated_at), r.created_at, r.environment_id, r.task, r.queue, r.concurrency_key,
                            coalesce(s.version, r.version), s.is_dead_lettered)
)
select f.kind, f.run_id, f.detail
from finding as f
-- Of a shard that is elsewhere there may be a part here: one that is still copied, or not yet removed.
where not exists (select from engine.shard as w where w.number = f.shard and w.state = 'AWAY')
