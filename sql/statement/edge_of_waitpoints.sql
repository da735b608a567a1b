-- The runs that wait for completed waitpoints. A separate statement after the completion, so that it sees the edges of
-- sessions that the completion waited for.
-- :shard smallint
-- :waitpoint_ids text[]
-- -> run_id text, waitpoint_id text, span_id text null, created_at timestamptz, output_is_error boolean,
-- -> completed_by_run_id text null
-- `offset 0` keeps each join a lookup per waitpoint: the planner assumes that thousands of runs wait for each.
-- Locks: none. Index: edge_waitpoint, waitpoint_pkey.
select e.run_id, e.waitpoint_id, e.span_id, e.created_at, w.output_is_error, w.completed_by_run_id
from unnest(:waitpoint_ids) as g(waitpoint_id)
cross join lateral (
    select w.output_is_error, w.completed_by_run_id
    from engine.waitpoint as w
    where w.shard = :shard and w.id = g.waitpoint_id
    offset 0
) as w
cross join lateral (
    select e.run_id, e.waitpoint_id, e.batch_index, e.span_id, e.created_at
    from engine.edge as e
    where e.shard = :shard and e.waitpoint_id = g.waitpoint_id
    offset 0
) as e
order by e.run_id, e.waitpoint_id, e.batch_index
