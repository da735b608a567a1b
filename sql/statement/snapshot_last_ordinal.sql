-- The ordinal of the last snapshot of a locked run, including invalid ones.
-- $1 smallint shard, $2 text run id
-- Locks: run state held by run_lock. Index: snapshot_pkey.
select p.ordinal
from engine.snapshot as p
where p.shard = $1 and p.run_id = $2
order by p.ordinal desc
limit 1
