-- Runs that failed, of the newest history: at most so many.
-- $1 bigint at most so many
select to_jsonb(array_agg(l.run_id)) as row
from (
    select h.run_id
    from engine.recent_history as h
    where h.execution_status = 'FINISHED'
      and h.run_status in ('COMPLETED_WITH_ERRORS', 'SYSTEM_FAILURE', 'CRASHED', 'INTERRUPTED', 'TIMED_OUT')
    limit $1::bigint
) as l
