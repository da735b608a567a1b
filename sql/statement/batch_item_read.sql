-- The taken indexes among these, of a batch.
-- :shard smallint
-- :batch_id text
-- :indexes integer[]
-- -> item_index integer, run_id text, error_code text null, error text null
-- Locks: none; the batch is locked. Index: batch_item_pkey.
select i.item_index, i.run_id, i.error_code, i.error
from unnest(:indexes) as g(item_index)
cross join lateral (
    select i.*
    from engine.batch_item as i
    where i.shard = :shard and i.batch_id = :batch_id and i.item_index = g.item_index
    offset 0
) as i
