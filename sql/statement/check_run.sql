-- Violated invariants of what a run is: its state, history, queue item, deadline and slot, and of the lanes and limits that these
-- count against.
-- :queued_statuses text[]: execution statuses with a queue item
-- :watched_statuses text[]: those with a deadline
-- :slot_statuses text[]: those with a slot
-- :final_statuses text[]: final run statuses
-- -> kind text, run_id text null, detail text
-- Locks: none. Reads every run.
with state as (
    select s.shard, s.run_id, s.run_status::text as run_status, s.execution_status::text as execution_status, s.snapshot_id,
           s.snapshot_ordinal, s.attempt_number, s.execution_status::text = any (:queued_statuses) as is_queued,
           s.execution_status::text = any (:watched_statuses) as is_watched, s.execution_status::text = any (:slot_statuses) as holds_slot
    from engine.run_state as s
), unfitted as (
    select e.id as environment_id, e.shard
    from engine.environment as e
    where not e.is_fitted
    union
    select k.environment_id, coalesce(e.shard, 0)
    from engine.queue as k
    left join engine.environment as e on e.id = k.environment_id
    where not k.is_fitted
), finding (kind, shard, run_id, detail) as (
    select 'environment', u.shard, null,
           format('Environment %s is to be fitted to its limits, and no timer says so.', u.environment_id)
    from unfitted as u
    where not exists (
        select from engine.timer as t
        where t.shard = u.shard and t.kind = 'FIT_LIMITS' and t.id = u.environment_id)
    union all
    select 'run_without_state', r.shard, r.id, 'The run has no state.'
    from engine.run as r
    where not exists (select from state as s where s.shard = r.shard and s.run_id = r.id)
    union all
    select 'state_without_run', s.shard, s.run_id, 'The state has no run.'
    from state as s
    where not exists (select from engine.run as r where r.shard = s.shard and r.id = s.run_id)
    union all
    select 'latest_snapshot', s.shard, s.run_id,
           format('The state says snapshot %s, ordinal %s; the newest valid one is %s, ordinal %s.',
                  s.snapshot_id, s.snapshot_ordinal, p.id, p.ordinal)
    from state as s
    left join lateral (
        select p.id, p.ordinal
        from engine.unfiltered_history as p
        where p.shard = s.shard and p.run_id = s.run_id and p.is_valid
        order by p.ordinal desc
        limit 1
    ) as p on true
    where p.id is distinct from s.snapshot_id or p.ordinal is distinct from s.snapshot_ordinal
    union all
    select 'snapshot_status', s.shard, s.run_id,
           format('The state says %s, %s, attempt %s; its snapshot %s, %s, attempt %s.', s.execution_status, s.run_status,
                  s.attempt_number, p.execution_status, p.run_status, p.attempt_number)
    from state as s
    join engine.snapshot as p on p.shard = s.shard and p.run_id = s.run_id and p.ordinal = s.snapshot_ordinal
    where p.execution_status::text <> s.execution_status
       or p.attempt_number is distinct from s.attempt_number
       or p.run_status::text <> case s.run_status when 'DEQUEUED' then 'PENDING' else s.run_status end
    union all
    select 'value', r.shard, r.id, 'A limit of the run is not positive.'
    from engine.run as r
    where r.max_attempts <= 0 or r.max_duration_seconds <= 0
    union all
    select 'value', s.shard, s.run_id, 'A number of the state is too small.'
    from engine.run_state as s
    where s.snapshot_ordinal <= 0 or s.attempt_number < 0 or s.released_attempts < 0
    union all
    select 'value', p.shard, p.run_id, format('Snapshot %s says DEQUEUED, or that it is valid although it has an error.', p.id)
    from engine.unfiltered_history as p
    where p.run_status = 'DEQUEUED' or p.is_valid <> (p.error is null)
    union all
    select 'value', h.shard, h.run_id, 'The interval of the deadline is not positive, or the tick checks it too late.'
    from engine.heartbeat as h
    where h.interval_ms <= 0 or h.check_at > h.deadline_at
    union all
    select 'carried', s.shard, s.run_id, format('The state carries something else than snapshot %s.', s.snapshot_id)
    from engine.run_state as s
    join engine.snapshot as p on p.shard = s.shard and p.run_id = s.run_id and p.ordinal = s.snapshot_ordinal
    where (s.batch_id, s.checkpoint_id, s.completed_waitpoint_ids, s.completed_waitpoint_order)
          is distinct from (p.batch_id, p.checkpoint_id, p.completed_waitpoint_ids, p.completed_waitpoint_order)
    union all
    select 'snapshot_order', p.shard, p.run_id, format('Snapshot %s does not come after snapshot %s.', n.id, p.id)
    from engine.unfiltered_history as p
    join engine.unfiltered_history as n on n.shard = p.shard and n.run_id = p.run_id and n.ordinal = p.ordinal + 1
    where n.id <= p.id or n.position <= p.position
    union all
    select 'missing', p.shard, p.run_id, format('The history has %s snapshots, and the last one is number %s.', p.snapshots, p.last)
    from (
        select p.shard, p.run_id, count(*) as snapshots, max(p.ordinal) as last
        from engine.snapshot as p
        group by p.shard, p.run_id
    ) as p
    -- With every state, not without those of a kind: a plan that expects few of these would compare each run with each.
    left join engine.run_state as s on s.shard = p.shard and s.run_id = p.run_id
    where p.snapshots <> p.last
      -- Of a run that keeps nothing the last one stays.
      and not coalesce(s.keep_ms = 0 and s.execution_status = 'FINISHED', false)
    union all
    select 'final_status', s.shard, s.run_id, format('The run is %s, its execution status %s.', s.run_status, s.execution_status)
    from state as s
    where (s.run_status = any (:final_statuses)) <> (s.execution_status = 'FINISHED')
      and not (s.run_status = 'CANCELED' and s.execution_status = 'PENDING_CANCEL')
    union all
    select 'queue_item', s.shard, s.run_id,
           format('The run is %s and has %s queue item.', s.execution_status, case when i.run_id is null then 'no' else 'a' end)
    from state as s
    left join engine.queue_item as i on i.shard = s.shard and i.run_id = s.run_id
    where s.is_queued <> (i.run_id is not null)
    union all
    select 'queue_item', i.shard, i.run_id, 'The item does not say what the run says.'
    from engine.queue_item as i
    left join engine.run as r on r.shard = i.shard and r.id = i.run_id
    where (i.worker_queue, i.environment_id, i.queue, i.concurrency_key)
          is distinct from (r.worker_queue, r.environment_id, r.queue, coalesce(r.concurrency_key, ''))
    union all
    select 'heartbeat', s.shard, s.run_id,
           format('The run is %s and has %s deadline.', s.execution_status, case when h.run_id is null then 'no' else 'a' end)
    from state as s
    left join engine.heartbeat as h on h.shard = s.shard and h.run_id = s.run_id
    where s.is_watched <> (h.run_id is not null)
    union all
    select 'heartbeat', h.shard, h.run_id, format('The deadline watches snapshot %s, the latest is %s.', h.snapshot_id, s.snapshot_id)
    from engine.heartbeat as h
    join state as s on s.shard = h.shard and s.run_id = h.run_id
    where s.is_watched and h.snapshot_id <> s.snapshot_id
    union all
    select 'heartbeat', h.shard, h.run_id, 'The deadline belongs to no run.'
    from engine.heartbeat as h
    where not exists (select from state as s where s.shard = h.shard and s.run_id = h.run_id)
    union all
    select 'slot', h.shard, h.run_id, format('The run is %s and holds %s slot.', s.execution_status,
                                    case when h.holds_slot then 'a' else 'no' end)
    from engine.heartbeat as h
    join state as s on s.shard = h.shard and s.run_id = h.run_id
    where h.holds_slot <> s.holds_slot
    union all
    select 'slot', h.shard, h.run_id, 'The slot does not say what the run says.'
    from engine.heartbeat as h
    join engine.run as r on r.shard = h.shard and r.id = h.run_id
    where (h.environment_id, h.queue, h.concurrency_key)
          is distinct from (r.environment_id, r.queue, coalesce(r.concurrency_key, ''))
    union all
    select 'lane', i.shard, i.run_id, 'The item is filed, and its lane does not know of it.'
    from engine.queue_item as i
    where i.is_filed
      and not exists (
        select from engine.lane as l
        where l.shard = i.shard and l.environment_id = i.environment_id and l.queue = i.queue
          and l.concurrency_key = i.concurrency_key and l.worker_queue = i.worker_queue)
    union all
    select 'lane', l.shard, null, format('Lane %s of queue %s in environment %s is closed, has %s of %s slots, and no release opens it.',
                                quote_literal(l.concurrency_key), l.queue, l.environment_id, n.held, c.cap)
    from engine.lane as l
    left join engine.environment as e on e.id = l.environment_id
    left join engine.queue as k on k.environment_id = l.environment_id and k.name = l.queue
    cross join lateral (
        select least(case when k.is_paused then 0 else coalesce(k.override_limit, k.concurrency_limit) end,
                     e.concurrency_limit) as cap
    ) as c
    cross join lateral (
        select count(*) as held
        from engine.heartbeat as h
        where h.shard = l.shard and h.environment_id = l.environment_id and h.queue = l.queue
          and h.concurrency_key = l.concurrency_key and h.is_counted
    ) as n
    where not l.is_open and (c.cap is null or n.held < c.cap)
      and l.environment_id not in (select u.environment_id from unfitted as u)
      and not exists (
        select from engine.release as r
        where r.shard = l.shard and r.environment_id = l.environment_id and r.queue = l.queue
          and r.concurrency_key = l.concurrency_key)
    union all
    select 'slot', h.shard, h.run_id, format('The slot is %s in environment %s.', case when h.is_counted then 'counted' else 'not counted' end,
                                    h.environment_id)
    from engine.heartbeat as h
    left join engine.environment as e on e.id = h.environment_id
    where h.holds_slot and h.environment_id not in (select u.environment_id from unfitted as u)
      and h.is_counted <> (
        coalesce(e.is_paused or e.concurrency_limit is not null, false)
        or exists (
            select from engine.queue as k
            where k.environment_id = h.environment_id and k.name = h.queue
              and (k.is_paused or k.concurrency_limit is not null or k.override_limit is not null)))
    union all
    select 'slot', h.shard, h.run_id, format('The slot is %s in environment %s.', case when h.is_noted then 'noted' else 'not noted' end,
                                    h.environment_id)
    from engine.heartbeat as h
    left join engine.environment as e on e.id = h.environment_id
    where h.holds_slot and h.environment_id not in (select u.environment_id from unfitted as u)
      and h.is_noted <> (
        coalesce((e.is_paused or e.concurrency_limit is not null) and not e.reserves_slots, false)
        or exists (
            select from engine.queue as k
            where k.environment_id = h.environment_id and k.name = h.queue
              and (k.is_paused or k.concurrency_limit is not null or k.override_limit is not null)))
)
select f.kind, f.run_id, f.detail
from finding as f
-- Of a shard that is elsewhere there may be a part here: one that is still copied, or not yet removed.
where not exists (select from engine.shard as w where w.number = f.shard and w.state = 'AWAY')
