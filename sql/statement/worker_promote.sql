-- Makes a version the current one of its environment.
-- $1 text environment id, $2 text version
-- Locks: the version's row; the environment is held for setting. Index: worker_pkey, worker_current.
update engine.worker as w
set is_current = true
where w.environment_id = $1 and w.version = $2
