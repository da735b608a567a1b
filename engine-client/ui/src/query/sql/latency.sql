-- How long runs waited for their dequeue, and how long attempts took, in the last 15 minutes.
-- $1 text environment, or null for all
select jsonb_build_object(
           'wait', case when m.dequeued > 0 then jsonb_build_array(m.wait_p50_ms, m.wait_p95_ms, m.wait_p99_ms) end,
           'run', case when m.ended > 0 then jsonb_build_array(m.run_p50_ms, m.run_p95_ms, m.run_p99_ms) end) as row
from engine.latency as m
where m.task is null and m.environment_id is not distinct from $1::text
