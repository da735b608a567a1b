-- Moves the due time of a delayed run.
-- $1 text run id, $2 text the time or null, $3 text the time from now as an interval or null: one of the two
select jsonb_build_object(
           'run_id', 'run_' || e.run_id,
           'run_status', e.run_status,
           'execution_status', e.execution_status,
           'delay_until', t.at) as row
from (select coalesce($2::text::timestamptz, clock_timestamp() + $3::text::interval) as at) as t
cross join lateral engine_reschedule(run_id => $1::text, delay_until => t.at) as e
