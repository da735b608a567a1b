-- The waitpoints that the ends of batches complete.
-- :shard smallint
-- :batch_ids text[]
-- -> completed_by_batch_id text, id text, status text
-- Locks: none. Index: waitpoint_batch.
select w.completed_by_batch_id, w.id, w.status::text
from unnest(:batch_ids) as g(batch_id)
cross join lateral (
    select w.completed_by_batch_id, w.id, w.status
    from engine.waitpoint as w
    where w.shard = :shard and w.completed_by_batch_id = g.batch_id
    offset 0
) as w
