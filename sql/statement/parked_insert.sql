-- Adds locked runs that now wait for a version to the list of parked runs.
-- :shard smallint
-- :run_ids text[]
-- Locks: the new rows; the runs are locked. Index: run_pkey, parked_pkey, parked_environment.
insert into engine.parked (shard, run_id, environment_id, created_at)
select :shard, r.id, r.environment_id, r.created_at
from unnest(:run_ids) as g(run_id)
join engine.run as r on r.shard = :shard and r.id = g.run_id
