-- Deletes a retention policy.
-- :environment_id text: empty for every one, as the next three
-- :task text
-- :queue text
-- :outcome text
-- Locks: the policy's row. Index: retention_pkey.
delete from engine.retention as t
where t.environment_id = :environment_id and t.task = :task and t.queue = :queue and t.outcome = :outcome
