-- Ends locked runs: state, result, last snapshot; deletes slot and deadline. Returns the runs whose slot counted against a
-- limit, and whether each leaves a note for the next dequeue (slot_release).
-- $1 smallint shard, $2 timestamptz now, $3 text worker_id, $4 text runner_id, $5 text execution status, $6 bigint horizon
-- then one array element per run, in the order of the run ids: $7 run id, $8 new snapshot id, $9 its ordinal,
-- $10 its position, $11 transition, $12 run status, $13 description, $14 output, $15 output type, $16 error, $17 usage (ms),
-- $18 cost (cents), $19 completed at, $20 whether it goes to the dead letters, $21 what only its events tell,
-- $22 the snapshot before, $23 the attempt that last started
-- Locks: run states held by run_lock or run_lock_free; the deadlines' rows. Index: primary keys.
with finished as (
    select f.*
    from unnest($7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
         as f(run_id, snapshot_id, ordinal, position, transition, run_status, description, output, output_type, error,
              usage_duration_ms, cost_in_cents, completed_at, is_dead_lettered, detail, previous_snapshot_id, attempt_number)
), heartbeat as (
    delete from engine.heartbeat as h
    where h.shard = $1 and h.run_id = any ($7)
    returning h.run_id, h.is_counted, h.is_noted
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
        horizon, description, worker_id, runner_id, detail, created_at)
    select $1, f.run_id, f.ordinal, f.snapshot_id, f.previous_snapshot_id, f.transition::engine.transition,
           $5::engine.execution_status, f.run_status::engine.run_status, f.attempt_number, f.position, $6, f.description,
           $3, $4, f.detail, $2
    from finished as f
), state as (
    update engine.run_state as s
    set run_status = f.run_status::engine.run_status,
        execution_status = $5::engine.execution_status,
        snapshot_id = f.snapshot_id,
        snapshot_ordinal = f.ordinal,
        completed_at = coalesce(f.completed_at, s.completed_at),
        output = f.output,
        output_type = f.output_type,
        error = f.error,
        usage_duration_ms = f.usage_duration_ms,
        cost_in_cents = f.cost_in_cents,
        is_dead_lettered = f.is_dead_lettered,
        updated_at = $2
    from finished as f
    where s.shard = $1 and s.run_id = f.run_id
)
select h.run_id, h.is_noted
from heartbeat as h
where h.is_counted
