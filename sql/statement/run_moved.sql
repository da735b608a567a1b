-- The runs among these that have moved on from their callers' snapshots, or do not exist.
-- $1 smallint shard, then one array element per run: $2 run id, $3 snapshot id
-- Locks: none. Index: run_state_pkey.
select g.run_id
from unnest($2, $3) as g(run_id, snapshot_id)
left join engine.run_state as s on s.shard = $1 and s.run_id = g.run_id
where s.snapshot_id is distinct from g.snapshot_id
