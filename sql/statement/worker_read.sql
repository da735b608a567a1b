-- Reads a version of a worker.
-- :environment_id text
-- :version text
-- Locks: none. Index: worker_pkey.
select w.version, w.image, w.tasks, w.queues
from engine.worker as w
where w.environment_id = :environment_id and w.version = :version
