-- How many runs failed since a moment, of the newest history.
-- $1 bigint milliseconds back
select to_jsonb(count(*)) as row
from engine.recent_history as h
where h.execution_status = 'FINISHED'
  and h.run_status in ('COMPLETED_WITH_ERRORS', 'SYSTEM_FAILURE', 'CRASHED', 'INTERRUPTED', 'TIMED_OUT')
  and h.created_at >= clock_timestamp() - $1::bigint * interval '1 millisecond'
