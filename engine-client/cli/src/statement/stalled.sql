-- Runs whose worker missed its deadline and that the tick has not recovered yet, the longest first.
-- $1 bigint at most so many
-- Index: heartbeat_check, whose time is never later than the deadline.
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'run_id', 'run_' || r.id,
           'task', r.task,
           'queue', r.queue,
           'execution_status', s.execution_status,
           'attempt_number', s.attempt_number,
           'deadline_at', h.deadline_at,
           'overdue_ms', (extract(epoch from clock_timestamp() - h.deadline_at) * 1000)::bigint) end as row
from engine.heartbeat as h
join engine.run as r on r.shard = h.shard and r.id = h.run_id
join engine.run_state as s on s.shard = h.shard and s.run_id = h.run_id
where h.check_at <= clock_timestamp() and h.deadline_at <= clock_timestamp()
order by h.deadline_at
limit $1::bigint
