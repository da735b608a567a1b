-- Makes runs wait for waitpoints. Existing edges stay unchanged.
-- :shard smallint
-- :now timestamptz
-- One array element per edge:
-- :run_id text[]
-- :waitpoint_id text[]
-- :batch_index integer[]: batch index or -1
-- :batch_id text[]
-- :span_id text[]
-- Locks: the new rows; the runs are locked before. Index: edge_pkey, edge_waitpoint, waitpoint_history_pkey.
with given as (
    select g.*
    from unnest(:run_id, :waitpoint_id, :batch_index, :batch_id, :span_id) as g(run_id, waitpoint_id, batch_index,
                batch_id, span_id)
), history as (
    insert into engine.waitpoint_history (shard, waitpoint_id, run_id, created_at)
    select distinct :shard::smallint, g.waitpoint_id, g.run_id, :now::timestamptz
    from given as g
    on conflict do nothing
)
insert into engine.edge (shard, run_id, waitpoint_id, batch_index, batch_id, span_id, created_at)
select :shard, g.run_id, g.waitpoint_id, g.batch_index, g.batch_id, g.span_id, :now
from given as g
on conflict do nothing
