-- Dequeues locked runs and starts their first attempts: deletes the queue item, inserts slot and deadline, moves the state once,
-- writes two snapshots. Before its first attempt a run has nothing that its snapshots would inherit: no history is read.
-- :shard smallint
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :heartbeat_ms bigint: heartbeat interval (ms)
-- :dequeue_transition text
-- :start_transition text
-- :dequeue_execution_status text
-- :start_execution_status text
-- :dequeue_run_status text: as snapshots say it
-- :start_run_status text
-- :horizon bigint
-- :base_cost_in_cents double precision
-- :environment_id text
-- :is_warm_start boolean
-- One array element per run:
-- :run_id text[]
-- :dequeue_id text[]: snapshot of the dequeue
-- :start_id text[]: snapshot of the start
-- :ordinal integer[]: of the snapshot of the dequeue
-- :dequeue_position bigint[]
-- :start_position bigint[]
-- :attempt_number integer[]
-- :max_attempts integer[]
-- :machine text[]
-- :retry jsonb[]: retry settings
-- :is_counted boolean[]: whether its slot counts
-- :version text[]
-- :max_duration_seconds integer[]
-- :queue text[]
-- :concurrency_key text[]: empty for none
-- :is_noted boolean[]: whether giving its slot back is noted
-- Locks: held by dequeue_lock. Index: primary keys.
with claimed as (
    select c.*
    from unnest(:run_id, :dequeue_id, :start_id, :ordinal, :dequeue_position, :start_position, :attempt_number, :max_attempts,
                :machine, :retry, :is_counted, :version, :max_duration_seconds, :queue, :concurrency_key, :is_noted)
         as c(run_id, dequeue_id, start_id, ordinal, dequeue_position, start_position, attempt_number, max_attempts,
              machine, retry, is_counted, version, max_duration_seconds, queue, concurrency_key, is_noted)
), item as (
    delete from engine.queue_item as i
    where i.shard = :shard and i.run_id = any (:run_id)
), heartbeat as (
    insert into engine.heartbeat (
        shard, run_id, snapshot_id, interval_ms, deadline_at, check_at, holds_slot, is_counted, is_noted, acquired_at,
        environment_id, queue, concurrency_key)
    select :shard, c.run_id, c.start_id, :heartbeat_ms, :now + :heartbeat_ms * interval '1 millisecond', :now + :heartbeat_ms * interval '1 millisecond', true,
           c.is_counted, c.is_noted, :now, :environment_id, c.queue, c.concurrency_key
    from claimed as c
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, transition, execution_status, run_status, attempt_number, position,
        horizon, worker_id, runner_id, machine, created_at)
    select :shard, c.run_id, c.ordinal, c.dequeue_id, :dequeue_transition::engine.transition, :dequeue_execution_status::engine.execution_status,
           :dequeue_run_status::engine.run_status, null, c.dequeue_position, :horizon, :worker_id, :runner_id, c.machine, :now
    from claimed as c
    union all
    select :shard, c.run_id, c.ordinal + 1, c.start_id, :start_transition::engine.transition, :start_execution_status::engine.execution_status,
           :start_run_status::engine.run_status, c.attempt_number, c.start_position, :horizon, :worker_id, :runner_id, null, :now
    from claimed as c
)
update engine.run_state as s
set run_status = :start_run_status::engine.run_status,
    execution_status = :start_execution_status::engine.execution_status,
    snapshot_id = c.start_id,
    snapshot_ordinal = c.ordinal + 1,
    attempt_number = c.attempt_number,
    max_attempts = c.max_attempts,
    machine = c.machine,
    retry = c.retry,
    version = c.version,
    max_duration_seconds = c.max_duration_seconds,
    base_cost_in_cents = nullif(:base_cost_in_cents, 0),
    started_at = coalesce(s.started_at, s.dequeued_at),
    dequeued_at = :now,
    executed_at = coalesce(s.executed_at, :now),
    is_warm_start = :is_warm_start,
    prepared_at = null,
    attempt_batch_id = null,
    updated_at = :now
from claimed as c
where s.shard = :shard and s.run_id = c.run_id
