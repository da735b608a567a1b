-- Keeps the runs of batches from being removed until the transaction ends.
-- :shard smallint
-- :batch_ids text[]
-- Locks: the waitpoints of the runs, FOR SHARE, waiting for a removal that is under way: read afterwards which runs are there.
-- Index: batch_item_pkey, waitpoint_run.
select
from (
    select w.id
    from unnest(:batch_ids) as g(batch_id)
    join engine.batch_item as i on i.shard = :shard and i.batch_id = g.batch_id
    join engine.waitpoint as w on w.shard = i.shard and w.completed_by_run_id = i.run_id
    group by w.id
    order by w.id
) as g
cross join lateral (
    select
    from engine.waitpoint as w
    where w.shard = :shard and w.id = g.id
    for share
) as w
