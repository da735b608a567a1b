-- The status of a run, with its result once it has ended.
-- $1 smallint shard, $2 text run id, $3 text environment id or null for any
-- Locks: none. Index: run_state_pkey, run_pkey.
select s.run_id, s.snapshot_id, s.run_status::text, s.execution_status::text, s.attempt_number, s.output, s.output_type, s.error,
       s.completed_at, s.usage_duration_ms
from engine.run_state as s
join engine.run as r on r.shard = $1 and r.id = $2
where s.shard = $1 and s.run_id = $2 and ($3::text is null or r.environment_id = $3)
