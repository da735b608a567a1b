-- The existing runs among these. For ids that callers chose: a taken one deserves a better message than a unique violation.
-- :shards smallint[]
-- :run_ids text[]: run ids, element by element
-- -> run_id text
-- Locks: none. Index: run_state_pkey.
select s.run_id
from unnest(:shards, :run_ids) as g(shard, run_id)
join engine.run_state as s on s.shard = g.shard and s.run_id = g.run_id
