-- Deletes the edges of locked runs that stop waiting.
-- :shard smallint
-- :run_ids text[]
-- Locks: the edges' rows; the runs are locked before. Index: edge_pkey.
delete from engine.edge as e
where e.shard = :shard and e.run_id = any (:run_ids)
