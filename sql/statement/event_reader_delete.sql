-- Deletes a named reader.
-- :name text
-- Locks: its rows. Index: none, there are few readers.
delete from engine.event_reader_position as r
where r.name = :name
