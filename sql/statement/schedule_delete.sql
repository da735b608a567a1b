-- Deletes a schedule.
-- $1 text id
-- Locks: the schedule's row, waiting for a tick that makes its run. Index: schedule_pkey.
delete from engine.schedule as s
where s.id = $1
