-- The status of a run, with its result once it has ended.
-- :shard smallint
-- :run_id text
-- :environment_id text: environment id or null for any
-- -> run_id text, snapshot_id text, run_status text, execution_status text, attempt_number integer null,
-- -> output text null, output_type text null, error jsonb null, completed_at timestamptz null,
-- -> usage_duration_ms integer
-- Locks: none. Index: run_state_pkey, run_pkey.
select s.run_id, s.snapshot_id, s.run_status::text, s.execution_status::text, s.attempt_number, s.output,
       case when s.run_status = 'COMPLETED_SUCCESSFULLY' then coalesce(s.output_type, 'application/json') end as output_type, s.error,
       s.completed_at, s.usage_duration_ms
from engine.run_state as s
join engine.run as r on r.shard = :shard and r.id = :run_id
where s.shard = :shard and s.run_id = :run_id and (:environment_id::text is null or r.environment_id = :environment_id)
