-- Whether a run has ended of which nothing is kept, as its trigger says; no row if it does not exist.
-- :shard smallint
-- :run_id text
-- -> keeps_nothing boolean
-- Locks: none. Index: run_state_pkey.
select coalesce(s.keep_ms = 0, false) and s.execution_status = 'FINISHED' as keeps_nothing
from engine.run_state as s
where s.shard = :shard and s.run_id = :run_id
