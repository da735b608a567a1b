-- The taken indexes among these, of a batch.
-- $1 smallint shard, $2 text batch id, $3 integer[] indexes
-- Locks: none; the batch is locked. Index: batch_item_pkey.
select i.item_index, i.run_id, i.error_code, i.error
from unnest($3) as g(item_index)
cross join lateral (
    select i.*
    from engine.batch_item as i
    where i.shard = $1 and i.batch_id = $2 and i.item_index = g.item_index
    offset 0
) as i
