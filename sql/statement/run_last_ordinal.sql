-- The ordinal of the last snapshot of a locked run, including invalid ones.
-- :shard smallint
-- :run_id text
-- -> ordinal integer
-- Locks: run state held by run_lock. Index: run_state_pkey.
select greatest(s.snapshot_ordinal, s.last_ordinal) as ordinal
from engine.run_state as s
where s.shard = :shard and s.run_id = :run_id
