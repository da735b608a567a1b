-- Whether the attempt of a locked run has ended and its worker was to start the next one.
-- :shard smallint
-- :run_id text
-- :snapshot_ordinal integer: ordinal of its latest snapshot
-- -> is_between boolean
-- Locks: none; the run is locked. Index: snapshot_pkey.
select s.transition = 'RETRIED' as is_between
from engine.snapshot as s
where s.shard = :shard and s.run_id = :run_id and s.ordinal = :snapshot_ordinal
