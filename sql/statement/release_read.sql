-- Whether the attempt of a locked run has ended and its worker was to start the next one.
-- $1 smallint shard, $2 text run id, $3 integer ordinal of its latest snapshot
-- Locks: none; the run is locked. Index: snapshot_pkey.
select s.transition = 'RETRIED'
from engine.snapshot as s
where s.shard = $1 and s.run_id = $2 and s.ordinal = $3
