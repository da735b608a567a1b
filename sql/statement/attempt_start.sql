-- Starts the next attempts of locked runs: state, snapshot, deadline. Batch and completed waitpoints stay, the checkpoint goes.
-- What the snapshot says is what the state says now: no history is read.
-- :shard smallint
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :heartbeat_ms bigint: heartbeat interval (ms)
-- :transition text
-- :execution_status text
-- :run_status text
-- :horizon bigint
-- :warm_start boolean
-- One array element per run, in the order of the run ids:
-- :run_id text[]
-- :snapshot_id text[]
-- :ordinal integer[]
-- :position bigint[]
-- :attempt_number integer[]
-- Locks: run states held by run_lock; the deadlines' rows. Index: primary keys.
with started as (
    select a.*
    from unnest(:run_id, :snapshot_id, :ordinal, :position, :attempt_number)
         as a(run_id, snapshot_id, ordinal, position, attempt_number)
), heartbeat as (
    update engine.heartbeat as h
    set snapshot_id = a.snapshot_id,
        interval_ms = :heartbeat_ms,
        deadline_at = :now + :heartbeat_ms * interval '1 millisecond',
        check_at = least(h.check_at, :now + :heartbeat_ms * interval '1 millisecond')
    from started as a
    where h.shard = :shard and h.run_id = a.run_id
), state as (
    update engine.run_state as s
    set run_status = :run_status::engine.run_status,
        execution_status = :execution_status::engine.execution_status,
        snapshot_id = a.snapshot_id,
        snapshot_ordinal = a.ordinal,
        attempt_number = a.attempt_number,
        executed_at = coalesce(s.executed_at, :now),
        is_warm_start = :warm_start,
        checkpoint_id = null,
        prepared_at = nullif(s.updated_at, s.dequeued_at),
        attempt_batch_id = s.batch_id,
        updated_at = :now
    from started as a
    where s.shard = :shard and s.run_id = a.run_id
    returning a.run_id, a.ordinal, a.position, a.attempt_number, s.batch_id,
              s.completed_waitpoint_ids, s.completed_waitpoint_order
)
insert into engine.snapshot (
    shard, run_id, ordinal, transition, execution_status, run_status, attempt_number, position,
    horizon, batch_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id, runner_id, created_at)
select :shard, s.run_id, s.ordinal, :transition::engine.transition,
       :execution_status::engine.execution_status, :run_status::engine.run_status, s.attempt_number, s.position, :horizon,
       s.batch_id, s.completed_waitpoint_ids, s.completed_waitpoint_order, :worker_id, :runner_id, :now
from state as s
