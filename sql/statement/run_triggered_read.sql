-- An existing run, as its trigger returns it.
-- $1 smallint shard, $2 text run id
-- Locks: none. Index: run_pkey, run_state_pkey.
select r.id, s.snapshot_id, s.run_status::text, s.execution_status::text, r.created_at, r.delay_until
from engine.run as r
join engine.run_state as s on s.shard = $1 and s.run_id = r.id
where r.shard = $1 and r.id = $2
