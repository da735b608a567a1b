-- An existing run, as its trigger returns it.
-- :shard smallint
-- :run_id text
-- -> id text, snapshot_id text, run_status text, execution_status text, created_at timestamptz,
-- -> delay_until timestamptz null
-- Locks: none. Index: run_pkey, run_state_pkey.
select r.id, s.snapshot_id, s.run_status::text, s.execution_status::text, r.created_at, r.delay_until
from engine.run as r
join engine.run_state as s on s.shard = :shard and s.run_id = r.id
where r.shard = :shard and r.id = :run_id
