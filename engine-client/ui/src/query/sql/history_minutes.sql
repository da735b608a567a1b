-- What happened per minute in the last hour, of the newest history, whose size bounds the cost.
-- $1 text environment, or null for all
-- The environment is that of the run: only asked for where one was chosen.
select jsonb_build_object(
           'minute', date_trunc('minute', h.created_at),
           'succeeded', count(*) filter (where h.run_status = 'COMPLETED_SUCCESSFULLY'),
           'failed', count(*) filter (where h.run_status in ('COMPLETED_WITH_ERRORS', 'SYSTEM_FAILURE', 'CRASHED', 'INTERRUPTED', 'TIMED_OUT')
                                        and h.execution_status = 'FINISHED'),
           'cancelled', count(*) filter (where h.run_status in ('CANCELED', 'EXPIRED') and h.execution_status = 'FINISHED'),
           'retried', count(*) filter (where h.transition in ('RETRIED', 'RETRIED_BY_QUEUE'))) as row
from engine.recent_history as h
where h.created_at >= clock_timestamp() - interval '61 minutes'
  and ($1::text is null or exists (
          select from engine.run_detail as r
          where r.shard = h.shard and r.run_id = h.run_id and r.environment_id = $1))
group by date_trunc('minute', h.created_at)
order by date_trunc('minute', h.created_at)
