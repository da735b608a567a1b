-- Deletes the checkpoints of runs.
-- :shard smallint
-- :run_ids text[]
-- Locks: the rows, which no session locks. Index: checkpoint_run.
delete from engine.checkpoint as k
using unnest(:run_ids) as g(run_id)
where k.shard = :shard and k.run_id = g.run_id
