-- Hands the locked runs to the caller: item gone, slot taken, deadline set, state moved, snapshot written. The snapshot
-- carries batch, checkpoint and completed waitpoints of its predecessor.
-- $1 smallint shard, $2 timestamptz now, $3 text worker_id, $4 text runner_id, $5 bigint heartbeat interval (ms)
-- $6 text execution status, $7 text run status, $8 text run status as snapshots say it, $9 text description
-- then one array element per run: $10 run id, $11 new snapshot id, $12 its ordinal, $13 max attempts, $14 machine
-- Locks: held by claim_lock. Index: primary keys.
with claimed as (
    select c.*
    from unnest($10, $11, $12, $13, $14) as c(run_id, snapshot_id, ordinal, max_attempts, machine)
), item as (
    delete from engine.queue_item as i
    where i.shard = $1 and i.run_id = any ($10)
    returning i.run_id, i.environment_id, i.queue, i.concurrency_key
), slot as (
    insert into engine.slot (shard, run_id, environment_id, queue, concurrency_key, acquired_at)
    select $1, i.run_id, i.environment_id, i.queue, i.concurrency_key, $2
    from item as i
), heartbeat as (
    insert into engine.heartbeat (shard, run_id, snapshot_id, interval_ms, deadline_at, check_at)
    select $1, c.run_id, c.snapshot_id, $5, $2 + $5 * interval '1 millisecond', $2 + $5 * interval '1 millisecond'
    from claimed as c
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, execution_status, run_status, attempt_number, description,
        batch_id, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id, runner_id, created_at)
    select $1, c.run_id, c.ordinal, c.snapshot_id, p.id, $6::engine.execution_status, $8::engine.run_status,
           p.attempt_number, $9, p.batch_id, p.checkpoint_id, p.completed_waitpoint_ids, p.completed_waitpoint_order, $3, $4, $2
    from claimed as c
    join engine.snapshot as p on p.shard = $1 and p.run_id = c.run_id and p.ordinal = c.ordinal - 1
)
update engine.run_state as s
set run_status = $7::engine.run_status,
    execution_status = $6::engine.execution_status,
    snapshot_id = c.snapshot_id,
    snapshot_ordinal = c.ordinal,
    max_attempts = c.max_attempts,
    machine = c.machine,
    started_at = coalesce(s.started_at, $2),
    dequeued_at = $2,
    updated_at = $2
from claimed as c
where s.shard = $1 and s.run_id = c.run_id
