-- The run's state after a dequeue. From sql/statement/dequeue_apply.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 text new snapshot id, $5 integer its ordinal,
-- $6 integer max attempts, $7 text machine
update engine.run_state as s
set run_status = 'DEQUEUED',
    execution_status = 'PENDING_EXECUTING',
    snapshot_id = $4,
    snapshot_ordinal = $5,
    max_attempts = $6,
    machine = $7,
    retry = null,
    base_cost_in_cents = null,
    started_at = coalesce(s.started_at, s.dequeued_at),
    prepared_at = coalesce(s.prepared_at, s.dequeued_at),
    dequeued_at = $3,
    updated_at = $3
where s.shard = $1 and s.run_id = $2
