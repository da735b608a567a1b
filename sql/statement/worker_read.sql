-- Reads a version of a worker.
-- :environment_id text
-- :version text
-- -> the columns in columns/worker.sql
-- Locks: none. Index: worker_pkey.
select :columns
from engine.worker as w
where w.environment_id = :environment_id and w.version = :version
