-- Writes an environment.
-- $1 text id, $2 text type, $3 text project id, $4 text organization id, $5 integer concurrency limit,
-- $6 double precision burst factor, $7 integer most queued runs of a queue, $8 boolean paused, $9 boolean requires version,
-- $10 boolean archived, $11 timestamptz now, $12 boolean whether claims reserve its slots, $13 jsonb retry policy,
-- $14 boolean whether what is there fits its limits
-- Locks: the environment's row; it is held for setting, so that no other session writes it. Index: environment_pkey.
insert into engine.environment as e (
    id, type, project_id, organization_id, concurrency_limit, burst_factor, max_queue_size, is_paused, requires_version,
    archived_at, created_at, reserves_slots, retry, is_fitted)
values ($1, $2::engine.environment_type, $3, $4, $5, $6, $7, $8, $9, case when $10 then $11 end, $11, $12, $13, $14)
on conflict (id) do update
set type = excluded.type,
    project_id = excluded.project_id,
    organization_id = excluded.organization_id,
    concurrency_limit = excluded.concurrency_limit,
    burst_factor = excluded.burst_factor,
    max_queue_size = excluded.max_queue_size,
    is_paused = excluded.is_paused,
    requires_version = excluded.requires_version,
    reserves_slots = excluded.reserves_slots,
    retry = excluded.retry,
    is_fitted = excluded.is_fitted,
    archived_at = case when $10 then coalesce(e.archived_at, $11) end
