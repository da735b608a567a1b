-- The retention policies, those that were set first.
-- Locks: none. Reads every run.
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'environment_id', t.environment_id,
           'task', t.task,
           'queue', t.queue,
           'outcome', t.outcome,
           'keep_ms', (extract(epoch from t.keep) * 1000)::bigint,
           'is_built_in', t.is_built_in,
           'ended_runs', t.ended_runs,
           'next_removal_at', t.next_removal_at) end as row
from engine_retention() as t
order by t.is_built_in, t.environment_id nulls last, t.task nulls last, t.queue nulls last, t.outcome nulls last
