-- How long runs were due before they were dequeued, and how long attempts took that did not wait, by task, the slowest first: of the
-- last 15 minutes, as the tick has gathered them.
-- $1 text environment, null for all; $2 bigint at most so many
-- Locks: none. Index: minute_pkey, snapshot_position, snapshot_run, run_pkey.
select jsonb_build_object(
           'task', m.task,
           'environment_id', m.environment_id,
           'dequeued', m.dequeued,
           'wait_p50_ms', m.wait_p50_ms,
           'wait_p95_ms', m.wait_p95_ms,
           'wait_p99_ms', m.wait_p99_ms,
           'ended', m.ended,
           'run_p50_ms', m.run_p50_ms,
           'run_p95_ms', m.run_p95_ms,
           'run_p99_ms', m.run_p99_ms) as row
from engine.latency as m
where m.task <> '' and ($1::text is null or m.environment_id = $1)
order by greatest(m.wait_p95_ms, m.run_p95_ms) desc nulls last, m.environment_id, m.task
limit $2::bigint
