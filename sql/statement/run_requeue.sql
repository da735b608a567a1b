-- Puts locked runs back into their queues: slot and deadline go, the item comes, state and snapshot say so.
-- A run that stalled before its attempt started keeps what its snapshot carried: batch, checkpoint, completed waitpoints.
-- $1 smallint shard, $2 timestamptz now, $3 text execution status, $4 text run status
-- then one array element per run, in the order of the run ids: $5 run id, $6 new snapshot id, $7 its ordinal,
-- $8 description, $9 available at, $10 queue attempts, $11 whether the snapshot carries
-- Locks: run states held by run_lock_free. Index: primary keys, queue_item_claim.
with requeued as (
    select q.*
    from unnest($5, $6, $7, $8, $9, $10, $11)
         as q(run_id, snapshot_id, ordinal, description, available_at, queue_attempts, carries)
), slot as (
    delete from engine.slot as o
    where o.shard = $1 and o.run_id = any ($5)
), heartbeat as (
    delete from engine.heartbeat as h
    where h.shard = $1 and h.run_id = any ($5)
), item as (
    insert into engine.queue_item (shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at)
    select $1, q.run_id, r.worker_queue, r.environment_id, r.queue, r.concurrency_key, q.available_at
    from requeued as q
    join engine.run as r on r.shard = $1 and r.id = q.run_id
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, execution_status, run_status, attempt_number, description,
        batch_id, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, created_at)
    select $1, q.run_id, q.ordinal, q.snapshot_id, p.id, $3::engine.execution_status, $4::engine.run_status,
           p.attempt_number, q.description,
           case when q.carries then p.batch_id end,
           case when q.carries then p.checkpoint_id end,
           case when q.carries then p.completed_waitpoint_ids else '{}' end,
           case when q.carries then p.completed_waitpoint_order else '{}' end,
           $2
    from requeued as q
    join engine.snapshot as p on p.shard = $1 and p.run_id = q.run_id and p.ordinal = q.ordinal - 1
)
update engine.run_state as s
set run_status = $4::engine.run_status,
    execution_status = $3::engine.execution_status,
    snapshot_id = q.snapshot_id,
    snapshot_ordinal = q.ordinal,
    queue_attempts = q.queue_attempts,
    updated_at = $2
from requeued as q
where s.shard = $1 and s.run_id = q.run_id
