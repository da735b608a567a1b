-- Deletes queue items; returns the runs that had one.
-- $1 smallint shard, $2 text[] run ids
-- Locks: the items' rows; the runs are locked before. Index: queue_item_pkey.
delete from engine.queue_item as i
where i.shard = $1 and i.run_id = any ($2)
returning i.run_id
