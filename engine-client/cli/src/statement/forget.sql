-- Forgets runs, or looks what would become of them.
-- $1 text run id, $2 jsonb filter, one of the two; $3 boolean only look, $4 integer at most so many
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'run_id', 'run_' || f.run_id,
           'task', f.task,
           'environment_id', f.environment_id,
           'run_status', f.run_status,
           'completed_at', f.completed_at,
           'snapshot_count', f.snapshot_count,
           'outcome', f.outcome) end as row
from engine_forget(run_id => $1, filter => $2, dry_run => $3, max_runs => $4) as f
