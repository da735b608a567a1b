-- Deletes batches and their items.
-- :shard smallint
-- :batch_ids text[]
-- Locks: the batches' rows are held; the items' rows, which no session locks. Index: batch_pkey, batch_item_pkey.
with item as (
    delete from engine.batch_item as i
    using unnest(:batch_ids) as g(id)
    where i.shard = :shard and i.batch_id = g.id
)
delete from engine.batch as b
using unnest(:batch_ids) as g(id)
where b.shard = :shard and b.id = g.id
