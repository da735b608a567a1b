-- Reads the configured queues of an environment.
-- :environment_id text
-- -> name text, concurrency_limit integer null, override_limit integer null, max_size integer null,
-- -> is_paused boolean, paused_at timestamptz null, paused_by text null, pause_reason text null, is_fitted boolean
-- Locks: none. Index: queue_pkey.
select k.name, k.concurrency_limit, k.override_limit, k.max_size, k.is_paused, k.paused_at, k.paused_by, k.pause_reason,
       k.is_fitted
from engine.queue as k
where k.environment_id = :environment_id
