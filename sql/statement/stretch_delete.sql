-- Deletes a stretch: what comes to be in it belongs to the one before it.
-- :shard smallint
-- :first_id text
-- Locks: the stretch's row. Index: stretch_pkey.
delete from engine.stretch as t
where t.shard = :shard and t.first_id = :first_id
