-- The snapshot of a transition. From sql/statement/run_move.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 text snapshot id, $5 integer ordinal,
-- $6 text execution status, $7 text run status, $8 integer attempt number, $9 text transition,
-- $10 text description, $11 text checkpoint id, $12 jsonb what only its events tell,
-- $13 timestamptz time of the retry, null for none
insert into engine.snapshot (
    shard, run_id, ordinal, id, transition, execution_status, run_status, attempt_number, position,
    horizon, description, checkpoint_id, detail, created_at)
values ($1, $2, $5, $4, $9::text::engine.transition, $6::text::engine.execution_status, $7::text::engine.run_status, $8,
        nextval('engine.event_position'), pg_current_xact_id()::text::bigint, $10, $11,
        case when $13::timestamptz is null then $12::jsonb else $12::jsonb || jsonb_build_object('retryAt', $13::timestamptz) end, $3)
