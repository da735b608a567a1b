-- The snapshot before the latest one of a locked run.
-- :shard smallint
-- :run_id text
-- :ordinal integer: ordinal of the latest
-- -> previous_snapshot_id text null
-- Locks: none. Index: snapshot_pkey.
select p.previous_snapshot_id
from engine.snapshot as p
where p.shard = :shard and p.run_id = :run_id and p.ordinal = :ordinal
