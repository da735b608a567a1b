-- Environments with runs or with settings.
-- $1 text environment, or null for all
select jsonb_build_object(
           'environment_id', e.environment_id,
           'queued', e.queued,
           'due', e.due,
           'running', e.running,
           'limit', e.concurrency_limit,
           'burst', e.burst_factor,
           'oldest_ms', case when e.due > 0 then greatest(0, (extract(epoch from e.oldest_age) * 1000)::bigint) end,
           'is_paused', e.is_paused,
           'pause', jsonb_build_object('at', e.paused_at, 'by', e.paused_by, 'reason', e.pause_reason)) as row
from engine.environment_stats as e
where not e.is_archived and ($1::text is null or e.environment_id = $1)
order by e.environment_id
