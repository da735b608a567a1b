-- Dequeues the locked runs: deletes the queue item, inserts slot and deadline, moves the state, writes the snapshot. Batch,
-- checkpoint and completed waitpoints stay: what the snapshot says is what the state says now, and no history is read. Returns
-- the runs with one of the latter two.
-- :shard smallint
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :heartbeat_ms bigint: heartbeat interval (ms)
-- :transition text
-- :execution_status text
-- :run_status text
-- :snapshot_run_status text: run status in snapshots
-- :horizon bigint
-- :base_cost_in_cents double precision: base cost (cents)
-- :environment_id text
-- One array element per run:
-- :run_id text[]
-- :snapshot_id text[]
-- :ordinal integer[]
-- :position bigint[]
-- :max_attempts integer[]
-- :machine text[]
-- :retry jsonb[]: retry settings
-- :is_counted boolean[]: whether its slot counts
-- :version text[]
-- :max_duration_seconds integer[]: max duration (s)
-- :queue text[]
-- :concurrency_key text[]: concurrency key, empty for none
-- :is_noted boolean[]: whether giving its slot back is noted
-- -> run_id text
-- Locks: held by dequeue_lock. Index: primary keys.
with claimed as (
    select c.*
    from unnest(:run_id, :snapshot_id, :ordinal, :position, :max_attempts, :machine, :retry, :is_counted, :version,
                :max_duration_seconds, :queue, :concurrency_key, :is_noted)
         as c(run_id, snapshot_id, ordinal, position, max_attempts, machine, retry, is_counted, version,
              max_duration_seconds, queue, concurrency_key, is_noted)
), item as (
    delete from engine.queue_item as i
    where i.shard = :shard and i.run_id = any (:run_id)
), heartbeat as (
    insert into engine.heartbeat (
        shard, run_id, snapshot_id, interval_ms, deadline_at, check_at, holds_slot, is_counted, is_noted, acquired_at,
        environment_id, queue, concurrency_key)
    select :shard, c.run_id, c.snapshot_id, :heartbeat_ms, :now + :heartbeat_ms * interval '1 millisecond', :now + :heartbeat_ms * interval '1 millisecond', true,
           c.is_counted, c.is_noted, :now, :environment_id, c.queue, c.concurrency_key
    from claimed as c
), state as (
    update engine.run_state as s
    set run_status = :run_status::engine.run_status,
        execution_status = :execution_status::engine.execution_status,
        snapshot_id = c.snapshot_id,
        snapshot_ordinal = c.ordinal,
        max_attempts = c.max_attempts,
        machine = c.machine,
        retry = c.retry,
        version = c.version,
        max_duration_seconds = c.max_duration_seconds,
        base_cost_in_cents = nullif(:base_cost_in_cents, 0),
        started_at = coalesce(s.started_at, s.dequeued_at),
        prepared_at = coalesce(s.prepared_at, s.dequeued_at),
        dequeued_at = :now,
        updated_at = :now
    from claimed as c
    where s.shard = :shard and s.run_id = c.run_id
    returning c.run_id, c.ordinal, c.position, c.machine, s.attempt_number, s.batch_id, s.checkpoint_id,
              s.completed_waitpoint_ids, s.completed_waitpoint_order
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, transition, execution_status, run_status, attempt_number, position,
        horizon, batch_id, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id,
        runner_id, machine, created_at)
    select :shard, s.run_id, s.ordinal, :transition::engine.transition,
           :execution_status::engine.execution_status, :snapshot_run_status::engine.run_status, s.attempt_number, s.position, :horizon,
           s.batch_id, s.checkpoint_id, s.completed_waitpoint_ids, s.completed_waitpoint_order, :worker_id, :runner_id,
           s.machine, :now
    from state as s
)
select s.run_id
from state as s
where s.checkpoint_id is not null or s.completed_waitpoint_ids is not null
