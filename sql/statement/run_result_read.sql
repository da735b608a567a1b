-- The result of a locked run, and its environment.
-- :shard smallint
-- :run_id text
-- -> environment_id text, output text null, output_type text null
-- Locks: none. Index: run_state_pkey, run_pkey.
select r.environment_id, s.output,
       case when s.run_status = 'COMPLETED_SUCCESSFULLY' then coalesce(s.output_type, 'application/json') end as output_type
from engine.run_state as s
join engine.run as r on r.shard = :shard and r.id = :run_id
where s.shard = :shard and s.run_id = :run_id
