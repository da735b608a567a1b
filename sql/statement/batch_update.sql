-- Writes the new state of locked batches.
-- :shard smallint
-- :now timestamptz
-- One array element per batch:
-- :id text[]
-- :status text[]
-- :run_count integer[]: number of items announced
-- :item_count integer[]: number of items added
-- :failed_count integer[]: number of failed items
-- :next_index integer[]
-- :is_sealed boolean[]: whether it is sealed
-- :has_ended boolean[]: whether it has ended
-- Locks: held by batch_lock or batch_lock_free. Index: batch_pkey.
update engine.batch as b
set status = g.status::engine.batch_status,
    run_count = g.run_count,
    item_count = g.item_count,
    failed_count = g.failed_count,
    next_index = g.next_index,
    sealed_at = case when g.is_sealed then coalesce(b.sealed_at, :now) end,
    completed_at = case when g.has_ended then coalesce(b.completed_at, :now) end
from unnest(:id, :status, :run_count, :item_count, :failed_count, :next_index, :is_sealed, :has_ended)
     as g(id, status, run_count, item_count, failed_count, next_index, is_sealed, has_ended)
where b.shard = :shard and b.id = g.id
