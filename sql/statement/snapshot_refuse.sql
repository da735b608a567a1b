-- Records a problem of a locked run: a snapshot that is not valid, with the statuses of the latest one.
-- $1 smallint shard, $2 timestamptz now, $3 text worker_id, $4 text runner_id, $5 text transition, $6 bigint horizon
-- $7 text run id, $8 text snapshot id, $9 integer its ordinal, $10 bigint its position, $11 text error
-- Locks: run state held by run_lock_free. Index: primary keys.
insert into engine.snapshot (
    shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, position, horizon,
    description, error, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id, runner_id, created_at)
select $1, $7, $9, $8, p.id, $5::engine.transition, p.execution_status, p.run_status, $10, $6, $11, $11, p.checkpoint_id,
       p.completed_waitpoint_ids, p.completed_waitpoint_order, $3, $4, $2
from engine.run_state as s
join engine.snapshot as p on p.shard = $1 and p.run_id = $7 and p.ordinal = s.snapshot_ordinal
where s.shard = $1 and s.run_id = $7
