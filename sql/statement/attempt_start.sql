-- Starts the next attempts of locked runs: state, snapshot, deadline. A snapshot
-- inherits batch and completed waitpoints from its predecessor, and drops its checkpoint.
-- :shard smallint
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :heartbeat_ms bigint: heartbeat interval (ms)
-- :transition text
-- :execution_status text
-- :run_status text
-- :description text
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
    select a.*, p.id as previous_snapshot_id, p.batch_id, p.completed_waitpoint_ids, p.completed_waitpoint_order
    from unnest(:run_id, :snapshot_id, :ordinal, :position, :attempt_number) as a(run_id, snapshot_id, ordinal, position, attempt_number)
    join engine.snapshot as p on p.shard = :shard and p.run_id = a.run_id and p.ordinal = a.ordinal - 1
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, description, batch_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id, runner_id, created_at)
    select :shard, a.run_id, a.ordinal, a.snapshot_id, a.previous_snapshot_id, :transition::engine.transition,
           :execution_status::engine.execution_status, :run_status::engine.run_status, a.attempt_number, a.position, :horizon, :description, a.batch_id,
           a.completed_waitpoint_ids, a.completed_waitpoint_order, :worker_id, :runner_id, :now
    from started as a
), heartbeat as (
    update engine.heartbeat as h
    set snapshot_id = a.snapshot_id,
        interval_ms = :heartbeat_ms,
        deadline_at = :now + :heartbeat_ms * interval '1 millisecond',
        check_at = least(h.check_at, :now + :heartbeat_ms * interval '1 millisecond')
    from started as a
    where h.shard = :shard and h.run_id = a.run_id
)
update engine.run_state as s
set run_status = :run_status::engine.run_status,
    execution_status = :execution_status::engine.execution_status,
    snapshot_id = a.snapshot_id,
    snapshot_ordinal = a.ordinal,
    attempt_number = a.attempt_number,
    executed_at = coalesce(s.executed_at, :now),
    is_warm_start = :warm_start,
    updated_at = :now
from started as a
where s.shard = :shard and s.run_id = a.run_id
