-- The ordinal of the last snapshot of a locked run, including invalid ones.
-- :shard smallint
-- :run_id text
-- Locks: run state held by run_lock. Index: snapshot_pkey.
select p.ordinal
from engine.snapshot as p
where p.shard = :shard and p.run_id = :run_id
order by p.ordinal desc
limit 1
