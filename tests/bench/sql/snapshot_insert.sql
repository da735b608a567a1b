-- The snapshot of a dequeue, with what it carries of its predecessor. From sql/statement/dequeue_apply.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 text snapshot id, $5 integer ordinal
-- $6 integer attempt number, $7 text batch id, $8 text checkpoint id, $9 text[] completed waitpoint ids, $10 text[] their order,
-- $11 text machine
insert into engine.snapshot (
    shard, run_id, ordinal, id, transition, execution_status, run_status, attempt_number, position,
    horizon, batch_id, checkpoint_id, completed_waitpoint_ids, completed_waitpoint_order, machine, created_at)
values ($1, $2, $5, $4, 'DEQUEUED', 'PENDING_EXECUTING', 'PENDING', $6, nextval('engine.event_position'),
        pg_current_xact_id()::text::bigint, $7, $8, $9, $10, $11, $3)
