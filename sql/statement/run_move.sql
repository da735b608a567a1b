-- Moves locked runs between statuses, except to claimed, started and final ones. What a run holds follows from its new
-- status: a queue item while it is queued, a deadline while it is watched, a slot while it executes. What the snapshot says is
-- what the state says now: no history is read. Returns where each run that is due can be dequeued, and by which version.
-- :shard smallint
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :horizon bigint
-- One array element per run, in the order of the run ids:
-- :run_id text[]
-- :snapshot_id text[]
-- :ordinal integer[]
-- :position bigint[]
-- :transition text[]
-- :execution_status text[]
-- :run_status text[]
-- :snapshot_run_status text[]: run status in snapshots
-- :description text[]: or null for the usual one of the transition
-- :is_callers boolean[]: whether the caller's ids are written
-- :interval_ms bigint[]: heartbeat interval (ms) or null if it is not watched
-- :holds_slot boolean[]: whether it holds a slot
-- :available_at timestamptz[]: available at, or null if it is not queued
-- :queue_attempts integer[]
-- :carries_batch boolean[]: whether the run keeps its batch
-- :carries_checkpoint boolean[]: whether it keeps its checkpoint
-- :carries_waitpoints boolean[]: whether it keeps its completed waitpoints
-- :batch_id text[]
-- :checkpoint_id text[]
-- :waitpoints jsonb[]: newly completed waitpoints (a JSON object of two arrays, ids and order)
-- :machine text[]
-- :usage_duration_ms integer[]: usage (ms)
-- :cost_in_cents double precision[]: cost (cents)
-- :error jsonb[]
-- :completed_at timestamptz[]
-- :status_reason text[]
-- :detail jsonb[]: details for its events
-- :expires_at timestamptz[]: when its queue item expires
-- :is_sized boolean[]: whether it counts against the maximum size of its queue
-- :attempt_number integer[]: number of the attempt that started last
-- :unwatched_run_ids text[]: runs that are no longer watched
-- :counts_slots boolean: whether slots that are taken count
-- :notes_slots boolean: whether giving them back is noted
-- Again one array element per run:
-- :released_attempts integer[]: attempts that do not count
-- -> worker_queue text, environment_id text, version text null
-- Locks: run states held by run_lock or run_lock_free; the deadlines' rows. Index: primary keys, queue_item_order,
-- queue_item_expiry, heartbeat_check.
with moved as (
    select m.*
    from unnest(:run_id, :snapshot_id, :ordinal, :position, :transition, :execution_status, :run_status,
                :snapshot_run_status, :description, :is_callers, :interval_ms, :holds_slot, :available_at,
                :queue_attempts, :carries_batch, :carries_checkpoint, :carries_waitpoints, :batch_id,
                :checkpoint_id, :waitpoints, :machine,
                :usage_duration_ms, :cost_in_cents, :error, :completed_at, :status_reason, :detail, :expires_at, :is_sized, :attempt_number, :released_attempts)
         as m(run_id, snapshot_id, ordinal, position, transition, execution_status, run_status, snapshot_run_status,
              description, is_callers, interval_ms, holds_slot, available_at, queue_attempts, carries_batch,
              carries_checkpoint, carries_waitpoints, batch_id, checkpoint_id, waitpoints, machine,
              usage_duration_ms, cost_in_cents, error, completed_at, status_reason, detail, expires_at, is_sized,
              attempt_number, released_attempts)
), item as (
    insert into engine.queue_item (
        shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at, is_ahead, is_sized, expires_at)
    select :shard, m.run_id, r.worker_queue, r.environment_id, r.queue, coalesce(r.concurrency_key, ''), m.available_at,
           m.available_at < :now, m.is_sized, m.expires_at
    from moved as m
    join engine.run as r on r.shard = :shard and r.id = m.run_id
    where m.available_at is not null
    returning run_id, worker_queue, environment_id, available_at
), heartbeat_gone as (
    delete from engine.heartbeat as h
    where h.shard = :shard and h.run_id = any (:unwatched_run_ids)
), heartbeat as (
    insert into engine.heartbeat as h (
        shard, run_id, snapshot_id, interval_ms, deadline_at, check_at, holds_slot, is_counted, is_noted, acquired_at,
        environment_id, queue, concurrency_key)
    select :shard, m.run_id, m.snapshot_id, m.interval_ms, :now + m.interval_ms * interval '1 millisecond',
           :now + m.interval_ms * interval '1 millisecond', m.holds_slot, m.holds_slot and :counts_slots,
           m.holds_slot and :notes_slots, :now, r.environment_id, r.queue, coalesce(r.concurrency_key, '')
    from moved as m
    join engine.run as r on r.shard = :shard and r.id = m.run_id
    where m.interval_ms is not null
    on conflict (shard, run_id) do update
    set snapshot_id = excluded.snapshot_id,
        interval_ms = excluded.interval_ms,
        deadline_at = excluded.deadline_at,
        check_at = least(h.check_at, excluded.check_at),
        holds_slot = excluded.holds_slot,
        is_counted = excluded.holds_slot and (h.is_counted or excluded.is_counted),
        is_noted = excluded.holds_slot and (h.is_noted or excluded.is_noted),
        acquired_at = case when h.holds_slot = excluded.holds_slot then h.acquired_at else excluded.acquired_at end
), state as (
    update engine.run_state as s
    set run_status = m.run_status::engine.run_status,
        execution_status = m.execution_status::engine.execution_status,
        snapshot_id = m.snapshot_id,
        snapshot_ordinal = m.ordinal,
        queue_attempts = nullif(m.queue_attempts, 0),
        released_attempts = nullif(m.released_attempts, 0),
        machine = m.machine,
        usage_duration_ms = m.usage_duration_ms,
        cost_in_cents = nullif(m.cost_in_cents, 0),
        error = m.error,
        completed_at = m.completed_at,
        status_reason = m.status_reason,
        is_dead_lettered = false,
        batch_id = case when m.carries_batch then s.batch_id else m.batch_id end,
        checkpoint_id = case when m.carries_checkpoint then s.checkpoint_id else m.checkpoint_id end,
        completed_waitpoint_ids = case when m.carries_waitpoints then s.completed_waitpoint_ids
                                       else nullif(array(select jsonb_array_elements_text(m.waitpoints -> 'ids')), '{}') end,
        completed_waitpoint_order = case when m.carries_waitpoints then s.completed_waitpoint_order
                                         else nullif(array(select jsonb_array_elements_text(m.waitpoints -> 'order')), '{}') end,
        updated_at = :now
    from moved as m
    where s.shard = :shard and s.run_id = m.run_id
    returning m.run_id, m.ordinal, m.position, m.transition, m.snapshot_run_status, m.attempt_number,
              m.description, m.is_callers, m.detail, s.execution_status, s.batch_id, s.checkpoint_id, s.completed_waitpoint_ids,
              s.completed_waitpoint_order, s.version
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, transition, execution_status, run_status, attempt_number, position,
        horizon, description, batch_id, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id,
        runner_id, detail, created_at)
    select :shard, s.run_id, s.ordinal, s.transition::engine.transition, s.execution_status,
           s.snapshot_run_status::engine.run_status, s.attempt_number, s.position, :horizon, s.description, s.batch_id, s.checkpoint_id,
           s.completed_waitpoint_ids, s.completed_waitpoint_order, case when s.is_callers then :worker_id end,
           case when s.is_callers then :runner_id end, s.detail, :now
    from state as s
)
select i.worker_queue, i.environment_id, coalesce(s.version, r.version) as version
from item as i
join state as s on s.run_id = i.run_id
join engine.run as r on r.shard = :shard and r.id = i.run_id
where i.available_at <= :now
