-- The snapshot before the latest one of a locked run.
-- :shard smallint
-- :run_id text
-- :ordinal integer: ordinal of the latest
-- -> id text
-- Locks: none. Index: snapshot_run, run_state_pkey.
select p.id
from engine.unfiltered_history as p
where p.shard = :shard and p.run_id = :run_id and p.ordinal < :ordinal and p.is_valid
order by p.ordinal desc
limit 1
