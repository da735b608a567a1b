-- Writes an environment.
-- :id text
-- :kind text: type
-- :project_id text
-- :organization_id text
-- :concurrency_limit integer
-- :burst_factor double precision
-- :max_queue_size integer: most queued runs of a queue
-- :is_paused boolean: paused
-- :paused_at timestamptz: since when
-- :paused_by text: the role that paused it, or gave the reason
-- :pause_reason text
-- :requires_version boolean
-- :is_archived boolean: archived
-- :now timestamptz
-- :reserves_slots boolean: whether dequeues reserve its slots
-- :retry jsonb: retry policy
-- :is_fitted boolean: whether rows are adapted to its limits
-- :shard smallint: where a new one lives
-- Locks: the environment's row; it is held for setting, so that no other session writes it. Index: environment_pkey.
insert into engine.environment as e (
    id, type, project_id, organization_id, concurrency_limit, burst_factor, max_queue_size, is_paused, paused_at,
    paused_by, pause_reason, requires_version, archived_at, created_at, reserves_slots, retry, is_fitted, shard)
values (:id, :kind::engine.environment_type, :project_id, :organization_id, :concurrency_limit, :burst_factor, :max_queue_size, :is_paused, :paused_at, :paused_by, :pause_reason, :requires_version, case when :is_archived then :now end, :now, :reserves_slots, :retry, :is_fitted, :shard)
on conflict (id) do update
set type = excluded.type,
    project_id = excluded.project_id,
    organization_id = excluded.organization_id,
    concurrency_limit = excluded.concurrency_limit,
    burst_factor = excluded.burst_factor,
    max_queue_size = excluded.max_queue_size,
    is_paused = excluded.is_paused,
    paused_at = excluded.paused_at,
    paused_by = excluded.paused_by,
    pause_reason = excluded.pause_reason,
    requires_version = excluded.requires_version,
    reserves_slots = excluded.reserves_slots,
    retry = excluded.retry,
    is_fitted = excluded.is_fitted,
    archived_at = case when :is_archived then coalesce(e.archived_at, :now) end
