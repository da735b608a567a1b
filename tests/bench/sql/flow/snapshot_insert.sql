-- The snapshot of a transition. From sql/statement/run_move.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 text snapshot id, $5 integer ordinal,
-- $6 text execution status, $7 text run status, $8 text previous snapshot id, $9 integer attempt number,
-- $10 text transition, $11 text description, $12 text checkpoint id, $13 jsonb what only its events tell,
-- $14 timestamptz time of the retry, null for none
insert into engine.snapshot (
    shard, run_id, ordinal, id, previous_snapshot_id, transition, execution_status, run_status, attempt_number, position,
    horizon, description, checkpoint_id, detail, created_at)
values ($1, $2, $5, $4, $8, $10::text::engine.transition, $6::text::engine.execution_status, $7::text::engine.run_status, $9,
        nextval('engine.event_position'), pg_current_xact_id()::text::bigint, $11, $12,
        case when $14::timestamptz is null then $13::jsonb else $13::jsonb || jsonb_build_object('retryAt', $14::timestamptz) end, $3)
