-- Dequeues the locked runs: deletes the queue item, inserts slot and deadline, moves the state, writes the snapshot, which
-- inherits batch, checkpoint and completed waitpoints; returns the runs with one of the latter two.
-- $1 smallint shard, $2 timestamptz now, $3 text worker_id, $4 text runner_id, $5 bigint heartbeat interval (ms)
-- $6 text transition, $7 text execution status, $8 text run status, $9 text run status as snapshots say it,
-- $10 text description, $11 bigint horizon, $12 double precision base cost (cents), $13 text environment id
-- then one array element per run: $14 run id, $15 new snapshot id, $16 its ordinal, $17 its position, $18 max attempts,
-- $19 machine, $20 retry settings, $21 whether its slot counts, $22 version, $23 max duration (s), $24 queue,
-- $25 concurrency key, empty for none, $26 whether giving its slot back is noted
-- Locks: held by claim_lock. Index: primary keys.
with claimed as (
    select c.*
    from unnest($14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
         as c(run_id, snapshot_id, ordinal, position, max_attempts, machine, retry, is_counted, version, max_duration_seconds,
              queue, concurrency_key, is_noted)
), item as (
    delete from engine.queue_item as i
    where i.shard = $1 and i.run_id = any ($14)
), heartbeat as (
    insert into engine.heartbeat (
        shard, run_id, snapshot_id, interval_ms, deadline_at, check_at, holds_slot, is_counted, is_noted, acquired_at,
        environment_id, queue, concurrency_key)
    select $1, c.run_id, c.snapshot_id, $5, $2 + $5 * interval '1 millisecond', $2 + $5 * interval '1 millisecond', true,
           c.is_counted, c.is_noted, $2, $13, c.queue, c.concurrency_key
    from claimed as c
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, description, batch_id, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, worker_id,
        runner_id, machine, created_at)
    select $1, c.run_id, c.ordinal, c.snapshot_id, p.id, $6::engine.transition, $7::engine.execution_status,
           $9::engine.run_status, p.attempt_number, c.position, $11, $10, p.batch_id, p.checkpoint_id,
           p.completed_waitpoint_ids, p.completed_waitpoint_order, $3, $4, c.machine, $2
    from claimed as c
    join engine.snapshot as p on p.shard = $1 and p.run_id = c.run_id and p.ordinal = c.ordinal - 1
    returning run_id, checkpoint_id, completed_waitpoint_ids
), state as (
    update engine.run_state as s
    set run_status = $8::engine.run_status,
        execution_status = $7::engine.execution_status,
        snapshot_id = c.snapshot_id,
        snapshot_ordinal = c.ordinal,
        max_attempts = c.max_attempts,
        machine = c.machine,
        retry = c.retry,
        version = c.version,
        max_duration_seconds = c.max_duration_seconds,
        base_cost_in_cents = $12,
        started_at = coalesce(s.started_at, $2),
        dequeued_at = $2,
        updated_at = $2
    from claimed as c
    where s.shard = $1 and s.run_id = c.run_id
)
select s.run_id
from snapshot as s
where s.checkpoint_id is not null or s.completed_waitpoint_ids is not null
