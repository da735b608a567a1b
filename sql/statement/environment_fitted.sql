-- Records that all rows fit the limits of an environment and its queues.
-- :environment_id text
-- Locks: the rows; the environment is held for setting, so that no other session writes them. Index: environment_pkey,
-- queue_pkey.
with queue as (
    update engine.queue as k
    set is_fitted = true
    where k.environment_id = :environment_id and not k.is_fitted
)
update engine.environment as e
set is_fitted = true
where e.id = :environment_id and not e.is_fitted
