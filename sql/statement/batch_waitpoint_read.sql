-- The waitpoints of a run that awaits a batch: the batch's own, and those of its runs with their indexes.
-- :shard smallint
-- :batch_id text
-- -> id text, item_index integer null
-- Locks: none. Index: waitpoint_batch, batch_item_pkey, waitpoint_run.
select w.id, null::integer as item_index
from engine.waitpoint as w
where w.shard = :shard and w.completed_by_batch_id = :batch_id
union all
select w.id, i.item_index
from engine.batch_item as i
cross join lateral (
    select w.id
    from engine.waitpoint as w
    where w.shard = :shard and w.completed_by_run_id = i.run_id
    offset 0
) as w
where i.shard = :shard and i.batch_id = :batch_id
