-- Writes items of locked batches.
-- $1 smallint shard, $2 timestamptz now
-- then one array element per item: $3 batch id, $4 index, $5 run id, $6 error code, $7 error, $8 the item as it was given
-- Locks: the new rows. Index: batch_item_pkey.
insert into engine.batch_item (shard, batch_id, item_index, run_id, error_code, error, request, created_at)
select $1, g.batch_id, g.item_index, g.run_id, g.error_code, g.error, g.request, $2
from unnest($3, $4, $5, $6, $7, $8) as g(batch_id, item_index, run_id, error_code, error, request)
