-- Writes the new state of locked batches.
-- $1 smallint shard, $2 timestamptz now
-- then one array element per batch: $3 id, $4 status, $5 how many items it will have, $6 how many it has, $7 how many of these
-- failed, $8 next index, $9 whether it is sealed, $10 whether it has ended
-- Locks: held by batch_lock or batch_lock_free. Index: batch_pkey.
update engine.batch as b
set status = g.status::engine.batch_status,
    run_count = g.run_count,
    item_count = g.item_count,
    failed_count = g.failed_count,
    next_index = g.next_index,
    sealed_at = case when g.is_sealed then coalesce(b.sealed_at, $2) end,
    completed_at = case when g.has_ended then coalesce(b.completed_at, $2) end
from unnest($3, $4, $5, $6, $7, $8, $9, $10)
     as g(id, status, run_count, item_count, failed_count, next_index, is_sealed, has_ended)
where b.shard = $1 and b.id = g.id
