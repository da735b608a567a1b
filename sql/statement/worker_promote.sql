-- Makes a version the current one of its environment.
-- :environment_id text
-- :version text
-- Locks: the version's row; the environment is held for setting. Index: worker_pkey, worker_current.
update engine.worker as w
set is_current = true
where w.environment_id = :environment_id and w.version = :version
