-- What children of these runs have for a root, and for a depth.
-- :shards smallint[]
-- :run_ids text[]: run ids of the parents, element by element
-- -> id text, root_run_id text, depth integer
-- Locks: none; both never change. Index: run_pkey.
select p.id, coalesce(p.root_run_id, p.id) as root_run_id, p.depth + 1 as depth
from unnest(:shards, :run_ids) as g(shard, run_id)
join engine.run as p on p.shard = g.shard and p.id = g.run_id
