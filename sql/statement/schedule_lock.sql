-- Locks a schedule and reads it.
-- :id text
-- -> the columns in columns/schedule.sql
-- Locks: the schedule's row, waiting for a tick that makes its run. Index: schedule_pkey.
select :columns
from engine.schedule as s
where s.id = :id
for update
