-- The snapshot before the latest one of a locked run.
-- $1 smallint shard, $2 text run id, $3 integer ordinal of the latest
-- Locks: none. Index: snapshot_pkey.
select p.previous_snapshot_id
from engine.snapshot as p
where p.shard = $1 and p.run_id = $2 and p.ordinal = $3
