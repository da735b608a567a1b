-- The result of a locked run, and its environment.
-- $1 smallint shard, $2 text run id
-- Locks: none. Index: run_state_pkey, run_pkey.
select r.environment_id, s.output, s.output_type
from engine.run_state as s
join engine.run as r on r.shard = $1 and r.id = $2
where s.shard = $1 and s.run_id = $2
