-- Deletes the history of runs; returns the last position of it, null if there was none.
-- :shard smallint
-- :run_ids text[]
-- -> last_position bigint null
-- Locks: the rows, which no session locks. Index: snapshot_pkey.
with snapshot as (
    delete from engine.snapshot as s
    using unnest(:run_ids) as g(run_id)
    where s.shard = :shard and s.run_id = g.run_id
    returning s.position
)
select max(s.position) as last_position
from snapshot as s
