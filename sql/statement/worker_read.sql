-- Reads a version of a worker.
-- $1 text environment id, $2 text version
-- Locks: none. Index: worker_pkey.
select w.version, w.image, w.tasks, w.queues
from engine.worker as w
where w.environment_id = $1 and w.version = $2
