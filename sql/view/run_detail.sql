-- Runs for those who look at them: each column of a run and of its state but the payload, which only the table has. A list reads
-- it by (shard, run_id), backward; engine.environment_shard has the shards.
create view engine.run_detail as
select r.shard,
       r.id as run_id,
       r.environment_id,
       r.task,
       r.queue,
       r.worker_queue,
       r.concurrency_key,
       r.priority_ms,
       r.delay_until,
       r.ttl,
       r.tags,
       r.metadata,
       r.machine,
       r.idempotency_key,
       r.is_test,
       r.parent_run_id,
       r.root_run_id,
       r.replayed_from,
       r.batch_id,
       r.trace_context,
       r.created_at,
       s.updated_at,
       s.dequeued_at,
       s.executed_at,
       s.completed_at,
       s.run_status,
       case when s.run_status = 'PENDING' and s.attempt_number is not null then 'RETRYING_AFTER_FAILURE'
            when s.run_status = 'WAITING_TO_RESUME' and s.execution_status in ('QUEUED', 'QUEUED_EXECUTING') then 'PENDING'
            else s.run_status
       end as status,
       s.execution_status,
       s.snapshot_id,
       s.attempt_number,
       coalesce(s.max_attempts, r.max_attempts) as max_attempts,
       coalesce(s.queue_attempts, 0) as queue_attempts,
       s.is_dead_lettered,
       s.usage_duration_ms,
       s.status_reason,
       coalesce(s.version, r.version) as version,
       s.bulk_action_ids,
       s.error,
       s.output,
       s.output_type,
       i.available_at,
       h.deadline_at as heartbeat_deadline_at,
       h.acquired_at
from engine.run as r
join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
left join engine.queue_item as i on i.shard = r.shard and i.run_id = r.id
left join engine.heartbeat as h on h.shard = r.shard and h.run_id = r.id;

comment on view engine.run_detail is 'Runs with their state, without payloads';
comment on column engine.run_detail.status is 'Its status as people name it: retrying also while it is queued for another attempt, queued while it is queued to go on';
comment on column engine.run_detail.available_at is 'Since when, or from when on, it can be dequeued; null unless it is queued';
comment on column engine.run_detail.acquired_at is 'Since when it holds its slot, or is watched without one';

-- What runs wait for.
create view engine.run_wait as
select e.shard,
       e.run_id,
       w.id as waitpoint_id,
       w.type,
       w.status,
       w.completed_by_run_id,
       w.completed_by_batch_id,
       w.completed_after,
       w.tags,
       w.created_at as waitpoint_created_at,
       min(e.created_at) as since
from engine.edge as e
join engine.waitpoint as w on w.shard = e.shard and w.id = e.waitpoint_id
group by e.shard, e.run_id, w.shard, w.id;

comment on view engine.run_wait is 'Runs and the waitpoints that they wait for, each once';
comment on column engine.run_wait.since is 'Since when the run waits for it';

-- Runs that workers hold, with the worker. The latest snapshot of a run that is dequeued names it; one that was written by another
-- session does not, and one before it does.
create view engine.held_run as
select h.shard,
       h.run_id,
       h.environment_id,
       h.queue,
       nullif(h.concurrency_key, '') as concurrency_key,
       h.holds_slot,
       h.acquired_at,
       h.deadline_at - h.interval_ms * interval '1 millisecond' as beat_at,
       h.deadline_at,
       s.worker_id,
       s.runner_id
from engine.heartbeat as h
left join lateral (
    select p.worker_id, p.runner_id
    from engine.snapshot as p
    where p.shard = h.shard and p.run_id = h.run_id and (p.worker_id is not null or p.runner_id is not null)
    order by p.ordinal desc
    limit 1
) as s on true;

comment on view engine.held_run is 'Runs that workers hold, or that are watched, with the worker and its last beat';

-- The newest history, whose cost does not grow with the history: the bounds of positions are found by snapshot_position. A list of
-- what happens now costs a page or two.
create view engine.newest_history as
select s.shard,
       s.run_id,
       s.ordinal,
       s.transition,
       s.execution_status,
       s.run_status,
       s.attempt_number,
       s.created_at
from engine.snapshot as s
where s.position > (select p.last_value - 1000 from engine.event_position as p)
  and s.position <= (select p.last_value from engine.event_position as p)
  and s.is_valid;

comment on view engine.newest_history is 'The newest history: at most 1,000 snapshots';

-- What is alive: the keys of runs that have not ended, from the tables that only have these. Its size is that of the work, not of
-- the history.
create view engine.live_run as
select i.shard, i.run_id
from engine.queue_item as i
union
select h.shard, h.run_id
from engine.heartbeat as h
union
select p.shard, p.run_id
from engine.parked as p
union
select e.shard, e.run_id
from engine.edge as e
union
select t.shard, t.id
from engine.timer as t
where t.kind = 'END_DELAY';

comment on view engine.live_run is 'Keys of runs that have not ended';

-- Runs that wait for another attempt. Of very many that are alive so many are looked at: what it costs is bounded, and it reads
-- the states of runs only.
create view engine.retrying_run as
select s.shard, s.run_id, s.attempt_number
from (
    select h.shard, h.run_id
    from engine.heartbeat as h
    union all
    select i.shard, i.run_id
    from engine.queue_item as i
    limit 10000
) as l
-- Looked up for each: a join of all would read every run that there is.
cross join lateral (
    select t.shard, t.run_id, t.attempt_number
    from engine.run_state as t
    where t.shard = l.shard and t.run_id = l.run_id
      and (t.run_status = 'RETRYING_AFTER_FAILURE' or t.run_status = 'PENDING' and t.attempt_number is not null)
    offset 0
) as s;

comment on view engine.retrying_run is 'Runs that wait for another attempt, of at most 10,000 that are held or queued';
