-- Who waits for waitpoints that were completed. A statement of its own after the completion: it sees the edges of those who
-- were waited for.
-- $1 smallint shard, $2 text[] waitpoint ids
-- Locks: none. Index: edge_waitpoint, waitpoint_pkey.
select e.run_id, e.waitpoint_id, e.span_id, e.created_at, w.output_is_error, w.completed_by_run_id
from unnest($2) as g(waitpoint_id)
join engine.waitpoint as w on w.shard = $1 and w.id = g.waitpoint_id
join engine.edge as e on e.shard = $1 and e.waitpoint_id = g.waitpoint_id
order by e.run_id, e.waitpoint_id, e.batch_index
