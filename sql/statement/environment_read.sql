-- Reads a configured environment.
-- :environment_id text
-- Locks: none. Index: environment_pkey.
select e.id, e.shard, e.type::text, e.project_id, e.organization_id, e.concurrency_limit, e.burst_factor, e.max_queue_size,
       e.is_paused, e.requires_version, e.archived_at is not null, e.reserves_slots, e.retry, e.is_fitted
from engine.environment as e
where e.id = :environment_id
