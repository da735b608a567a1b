-- The snapshot of a dequeue, with what it carries of its predecessor. From sql/statement/dequeue_apply.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 text snapshot id, $5 integer ordinal
-- $6 text previous snapshot id, $7 integer attempt number, $8 text batch id, $9 text checkpoint id,
-- $10 text[] completed waitpoint ids, $11 text[] their order, $12 text machine
insert into engine.snapshot (
    shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
    horizon, description, batch_id, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, machine, created_at)
values ($1, $2, $5, $4, $6, 'DEQUEUED', 'PENDING_EXECUTING', 'PENDING', $7, nextval('engine.event_position'),
        pg_current_xact_id()::text::bigint, 'Dequeued', $8, $9, $10, $11, $12, $3)
