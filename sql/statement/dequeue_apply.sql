-- Dequeues the locked runs: deletes the queue item, inserts slot and deadline, moves the state, writes the snapshot, which
-- inherits batch, checkpoint and completed waitpoints; returns the runs with one of the latter two.
-- :shard smallint
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :heartbeat_ms bigint: heartbeat interval (ms)
-- :transition text
-- :execution_status text
-- :run_status text
-- :snapshot_run_status text: run status in snapshots
-- :description text
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
-- Locks: held by dequeue_lock. Index: primary keys.
with claimed as (
    select c.*
    from unnest(:run_id, :snapshot_id, :ordinal, :position, :max_attempts, :machine, :retry, :is_counted, :version,
                :max_duration_seconds, :queue, :concurrency_key, :is_noted)
         as c(run_id, snapshot_id, ordinal, position, max_attempts, machine, retry, is_counted, version, max_duration_seconds,
              queue, concurrency_key, is_noted)
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
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, description, batch_id, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id,
        runner_id, machine, created_at)
    select :shard, c.run_id, c.ordinal, c.snapshot_id, p.id, :transition::engine.transition, :execution_status::engine.execution_status,
           :snapshot_run_status::engine.run_status, p.attempt_number, c.position, :horizon, :description, p.batch_id, p.checkpoint_id,
           p.completed_waitpoint_ids, p.completed_waitpoint_order, :worker_id, :runner_id, c.machine, :now
    from claimed as c
    join engine.snapshot as p on p.shard = :shard and p.run_id = c.run_id and p.ordinal = c.ordinal - 1
    returning run_id, checkpoint_id, completed_waitpoint_ids
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
        base_cost_in_cents = :base_cost_in_cents,
        started_at = coalesce(s.started_at, :now),
        dequeued_at = :now,
        updated_at = :now
    from claimed as c
    where s.shard = :shard and s.run_id = c.run_id
)
select s.run_id
from snapshot as s
where s.checkpoint_id is not null or s.completed_waitpoint_ids is not null
