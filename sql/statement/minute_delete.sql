-- Deletes what is older than three hours.
-- :now timestamptz
-- Locks: the minutes' rows. Index: minute_pkey.
delete from engine.minute as m
where m.minute < :now - interval '3 hours'
