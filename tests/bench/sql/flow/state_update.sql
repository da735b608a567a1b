-- The run's state after its transition. From sql/statement/run_move.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 text new snapshot id, $5 integer its ordinal,
-- $6 text execution status, $7 text run status, $8 integer usage of the attempt (ms), $9 integer queue attempts,
-- $10 jsonb error
update engine.run_state as s
set run_status = $7::text::engine.run_status,
    execution_status = $6::text::engine.execution_status,
    snapshot_id = $4,
    snapshot_ordinal = $5,
    queue_attempts = $9,
    machine = s.machine,
    usage_duration_ms = s.usage_duration_ms + $8,
    cost_in_cents = s.cost_in_cents,
    error = $10,
    is_dead_lettered = false,
    updated_at = $3
where s.shard = $1 and s.run_id = $2
