-- Deletes a schedule.
-- :id text
-- :environment_ids text[]: only of one of these environments; null for any
-- Locks: the schedule's row, waiting for a tick that makes its run. Index: schedule_pkey.
delete from engine.schedule as s
where s.id = :id and (:environment_ids is null or s.environment_id = any (:environment_ids))
