-- Reads a schedule.
-- :id text
-- -> the columns in columns/schedule.sql
-- Locks: none. Index: schedule_pkey.
select :columns
from engine.schedule as s
where s.id = :id
