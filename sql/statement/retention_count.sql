-- How many runs have ended in which way, and when the first of them did, without those that say themselves how long they are kept.
-- -> environment_id text, environment_type text, is_test boolean, task text, queue text, run_status text, run_count bigint,
-- -> first_at timestamptz
-- Locks: none. Reads every run.
select r.environment_id, r.environment_type::text, r.is_test, r.task, r.queue, s.run_status::text, count(*) as run_count,
       min(coalesce(s.completed_at, s.updated_at)) as first_at
from engine.run as r
join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
where s.execution_status = 'FINISHED' and s.keep_ms is null
group by r.environment_id, r.environment_type, r.is_test, r.task, r.queue, s.run_status
