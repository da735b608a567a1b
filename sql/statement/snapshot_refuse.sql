-- Records a problem of a locked run: a snapshot that is not valid, with the statuses of the latest one.
-- :shard smallint
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :transition text
-- :horizon bigint
-- :run_id text
-- :snapshot_id text
-- :ordinal integer
-- :position bigint
-- :error text
-- Locks: run state held by run_lock_free. Index: primary keys.
insert into engine.snapshot (
    shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, position, horizon,
    description, error, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id, runner_id, created_at)
select :shard, :run_id, :ordinal, :snapshot_id, p.id, :transition::engine.transition, p.execution_status, p.run_status, :position, :horizon, :error, :error, p.checkpoint_id,
       p.completed_waitpoint_ids, p.completed_waitpoint_order, :worker_id, :runner_id, :now
from engine.run_state as s
join engine.snapshot as p on p.shard = :shard and p.run_id = :run_id and p.ordinal = s.snapshot_ordinal
where s.shard = :shard and s.run_id = :run_id
