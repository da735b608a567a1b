-- Makes runs wait for waitpoints. Existing edges stay unchanged.
-- $1 smallint shard, $2 timestamptz now
-- then one array element per edge: $3 run id, $4 waitpoint id, $5 batch index or -1, $6 batch id, $7 span id
-- Locks: the new rows; the runs are locked before. Index: edge_pkey, edge_waitpoint, waitpoint_history_pkey.
with given as (
    select g.*
    from unnest($3, $4, $5, $6, $7) as g(run_id, waitpoint_id, batch_index, batch_id, span_id)
), history as (
    insert into engine.waitpoint_history (shard, waitpoint_id, run_id, created_at)
    select distinct $1::smallint, g.waitpoint_id, g.run_id, $2::timestamptz
    from given as g
    on conflict do nothing
)
insert into engine.edge (shard, run_id, waitpoint_id, batch_index, batch_id, span_id, created_at)
select $1, g.run_id, g.waitpoint_id, g.batch_index, g.batch_id, g.span_id, $2
from given as g
on conflict do nothing
