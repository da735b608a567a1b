-- The waitpoints of a run that awaits a batch: the batch's own, and those of its runs with their indexes.
-- $1 smallint shard, $2 text batch id
-- Locks: none. Index: waitpoint_batch, batch_item_pkey, waitpoint_run.
select w.id, null::integer
from engine.waitpoint as w
where w.shard = $1 and w.completed_by_batch_id = $2
union all
select w.id, i.item_index
from engine.batch_item as i
cross join lateral (
    select w.id
    from engine.waitpoint as w
    where w.shard = $1 and w.completed_by_run_id = i.run_id
    offset 0
) as w
where i.shard = $1 and i.batch_id = $2
