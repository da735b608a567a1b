-- Reads a configured environment.
-- :environment_id text
-- -> id text, shard smallint, type text, project_id text null, organization_id text null,
-- -> concurrency_limit integer null, burst_factor double precision, max_queue_size integer null, is_paused boolean,
-- -> paused_at timestamptz null, paused_by text null, pause_reason text null, requires_version boolean, is_archived boolean,
-- -> reserves_slots boolean, retry jsonb null, is_fitted boolean
-- Locks: none. Index: environment_pkey.
select e.id, e.shard, e.type::text, e.project_id, e.organization_id, e.concurrency_limit, e.burst_factor, e.max_queue_size,
       e.is_paused, e.paused_at, e.paused_by, e.pause_reason, e.requires_version, e.archived_at is not null as is_archived,
       e.reserves_slots, e.retry, e.is_fitted
from engine.environment as e
where e.id = :environment_id
