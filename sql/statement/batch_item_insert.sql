-- Writes items of locked batches.
-- :shard smallint
-- :now timestamptz
-- One array element per item:
-- :batch_id text[]
-- :item_index integer[]: index
-- :run_id text[]
-- :error_code text[]
-- :error text[]
-- :request jsonb[]: the item as the caller wrote it
-- Locks: the new rows. Index: batch_item_pkey.
insert into engine.batch_item (shard, batch_id, item_index, run_id, error_code, error, request, created_at)
select :shard, g.batch_id, g.item_index, g.run_id, g.error_code, g.error, g.request, :now
from unnest(:batch_id, :item_index, :run_id, :error_code, :error, :request) as g(batch_id, item_index, run_id,
            error_code, error, request)
