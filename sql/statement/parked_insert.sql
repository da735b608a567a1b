-- Adds locked runs that now wait for a version to the list of parked runs.
-- $1 smallint shard, $2 text[] run ids
-- Locks: the new rows; the runs are locked. Index: run_pkey, parked_pkey, parked_environment.
insert into engine.parked (shard, run_id, environment_id, created_at)
select $1, r.id, r.environment_id, r.created_at
from unnest($2) as g(run_id)
join engine.run as r on r.shard = $1 and r.id = g.run_id
