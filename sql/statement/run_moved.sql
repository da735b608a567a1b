-- The runs among these that have moved on from their callers' snapshots, or do not exist.
-- :shard smallint
-- One array element per run:
-- :run_id text[]
-- :snapshot_id text[]
-- -> run_id text
-- Locks: none. Index: run_state_pkey.
select g.run_id
from unnest(:run_id, :snapshot_id) as g(run_id, snapshot_id)
left join engine.run_state as s on s.shard = :shard and s.run_id = g.run_id
where s.snapshot_id is distinct from g.snapshot_id
