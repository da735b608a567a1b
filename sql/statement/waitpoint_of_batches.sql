-- The waitpoints that the ends of batches complete.
-- $1 smallint shard, $2 text[] batch ids
-- Locks: none. Index: waitpoint_batch.
select w.completed_by_batch_id, w.id, w.status::text
from unnest($2) as g(batch_id)
cross join lateral (
    select w.completed_by_batch_id, w.id, w.status
    from engine.waitpoint as w
    where w.shard = $1 and w.completed_by_batch_id = g.batch_id
    offset 0
) as w
