-- Leaves an environment without a current version; the next statement sets another one.
-- :environment_id text
-- Locks: the version's row; the environment is held for setting. Index: worker_current.
update engine.worker as w
set is_current = false
where w.environment_id = :environment_id and w.is_current
