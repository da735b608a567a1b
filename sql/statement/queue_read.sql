-- Reads the configured queues of an environment.
-- :environment_id text
-- -> name text, concurrency_limit integer null, override_limit integer null, max_size integer null,
-- -> is_paused boolean, is_fitted boolean
-- Locks: none. Index: queue_pkey.
select k.name, k.concurrency_limit, k.override_limit, k.max_size, k.is_paused, k.is_fitted
from engine.queue as k
where k.environment_id = :environment_id
