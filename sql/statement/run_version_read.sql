-- The versions that execute these runs, where they are known.
-- $1 smallint shard, $2 text[] run ids
-- Locks: none. Index: run_state_pkey.
select s.run_id, s.version
from engine.run_state as s
where s.shard = $1 and s.run_id = any ($2) and s.version is not null
