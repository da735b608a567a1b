-- Whether the attempt of a locked run has ended and its worker was to start the next one.
-- :shard smallint
-- :run_id text
-- :snapshot_ordinal integer: ordinal of its latest snapshot
-- -> is_between boolean
-- Locks: none; the run is locked. Index: snapshot_run.
select s.transition = 'RETRIED' as is_between
from engine.snapshot as s
where s.shard = :shard and s.run_id = :run_id and s.ordinal = :snapshot_ordinal and s.ordinal / 16 = :snapshot_ordinal / 16
