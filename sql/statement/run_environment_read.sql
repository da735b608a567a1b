-- The environments of runs, which never change.
-- :shards smallint[]
-- :run_ids text[]: element by element
-- -> run_id text, environment_id text
-- Locks: none. Index: run_pkey.
select r.id as run_id, r.environment_id
from unnest(:shards, :run_ids) as g(shard, run_id)
join engine.run as r on r.shard = g.shard and r.id = g.run_id
