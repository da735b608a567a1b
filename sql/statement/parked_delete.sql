-- Removes locked runs that no longer wait for a version from the list of parked runs.
-- :shard smallint
-- :run_ids text[]
-- Locks: the rows; the runs are locked. Index: parked_pkey.
delete from engine.parked as p
where p.shard = :shard and p.run_id = any (:run_ids)
