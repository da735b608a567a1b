-- Removes locked runs that no longer wait for a version from the list of parked runs.
-- $1 smallint shard, $2 text[] run ids
-- Locks: the rows; the runs are locked. Index: parked_pkey.
delete from engine.parked as p
where p.shard = $1 and p.run_id = any ($2)
