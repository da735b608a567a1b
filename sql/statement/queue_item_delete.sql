-- Deletes queue items; returns the runs that had one.
-- :shard smallint
-- :run_ids text[]
-- -> run_id text
-- Locks: the items' rows; the runs are locked before. Index: queue_item_pkey.
delete from engine.queue_item as i
where i.shard = :shard and i.run_id = any (:run_ids)
returning i.run_id
