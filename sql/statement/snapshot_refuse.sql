-- Records a problem of a locked run: a snapshot that is not valid, with the statuses of the latest one.
-- :shard smallint
-- :now timestamptz
-- :worker_id text
-- :runner_id text
-- :transition text
-- :horizon bigint
-- :run_id text
-- :ordinal integer
-- :position bigint
-- :error text
-- Locks: run state held by run_lock_free. Index: primary keys.
with state as (
    update engine.run_state as s
    set last_ordinal = :ordinal
    where s.shard = :shard and s.run_id = :run_id
    returning s.execution_status, s.run_status, s.checkpoint_id, s.completed_waitpoint_ids, s.completed_waitpoint_order
)
insert into engine.snapshot (
    shard, run_id, ordinal, transition, execution_status, run_status, position, horizon,
    error, is_valid, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id, runner_id, created_at)
select :shard, :run_id, :ordinal, :transition::engine.transition, s.execution_status,
       case s.run_status when 'DEQUEUED' then 'PENDING' else s.run_status end, :position, :horizon, :error, false, s.checkpoint_id,
       s.completed_waitpoint_ids, s.completed_waitpoint_order, :worker_id, :runner_id, :now
from state as s
