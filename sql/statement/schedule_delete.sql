-- Deletes a schedule.
-- :id text
-- Locks: the schedule's row, waiting for a tick that makes its run. Index: schedule_pkey.
delete from engine.schedule as s
where s.id = :id
