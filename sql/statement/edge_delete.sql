-- Deletes the edges of locked runs that stop waiting.
-- $1 smallint shard, $2 text[] run ids
-- Locks: the edges' rows; the runs are locked before. Index: edge_pkey.
delete from engine.edge as e
where e.shard = $1 and e.run_id = any ($2)
