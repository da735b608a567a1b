-- Ends locked runs for good: state, result, last snapshot; slot and deadline go.
-- $1 smallint shard, $2 timestamptz now, $3 text worker_id, $4 text runner_id, $5 text execution status
-- then one array element per run, in the order of the run ids: $6 run id, $7 new snapshot id, $8 its ordinal,
-- $9 run status, $10 description, $11 output, $12 output type, $13 error, $14 usage (ms)
-- Locks: run states held by run_lock or run_lock_free; the deadlines' rows. Index: primary keys.
with finished as (
    select f.*
    from unnest($6, $7, $8, $9, $10, $11, $12, $13, $14)
         as f(run_id, snapshot_id, ordinal, run_status, description, output, output_type, error, usage_duration_ms)
), slot as (
    delete from engine.slot as o
    where o.shard = $1 and o.run_id = any ($6)
), heartbeat as (
    delete from engine.heartbeat as h
    where h.shard = $1 and h.run_id = any ($6)
), snapshot as (
    insert into engine.snapshot (
        shard, run_id, ordinal, id, previous_snapshot_id, execution_status, run_status, attempt_number, description,
        worker_id, runner_id, created_at)
    select $1, f.run_id, f.ordinal, f.snapshot_id, p.id, $5::engine.execution_status, f.run_status::engine.run_status,
           p.attempt_number, f.description, $3, $4, $2
    from finished as f
    join engine.snapshot as p on p.shard = $1 and p.run_id = f.run_id and p.ordinal = f.ordinal - 1
)
update engine.run_state as s
set run_status = f.run_status::engine.run_status,
    execution_status = $5::engine.execution_status,
    snapshot_id = f.snapshot_id,
    snapshot_ordinal = f.ordinal,
    completed_at = $2,
    output = f.output,
    output_type = f.output_type,
    error = f.error,
    usage_duration_ms = f.usage_duration_ms,
    updated_at = $2
from finished as f
where s.shard = $1 and s.run_id = f.run_id
