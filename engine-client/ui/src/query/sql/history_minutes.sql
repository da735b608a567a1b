-- What happened per minute in the last hour, as the tick has gathered it.
-- $1 text environment, or null for all
select jsonb_build_object(
           'minute', m.minute,
           'succeeded', sum(m.succeeded),
           'failed', sum(m.failed),
           'cancelled', sum(m.cancelled),
           'retried', sum(m.retried)) as row
from engine.minute_history as m
where m.minute >= clock_timestamp() - interval '61 minutes'
  and ($1::text is null or m.environment_id = $1)
group by m.minute
order by m.minute
