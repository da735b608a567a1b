-- Queues with runs or with settings, those with most work first. Who paused a queue, when and why is that of its environment if only
-- that is paused.
-- $1 text environment, or null for all
-- Locks: none. Reads every queue item and every heartbeat.
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'queue', q.queue,
           'environment_id', q.environment_id,
           'queued', q.queued,
           'due', q.due,
           'running', q.running,
           'waiting_keys', q.waiting_keys,
           'concurrency_limit', q.concurrency_limit,
           'max_size', q.max_size,
           'oldest_age_ms', greatest(0, (extract(epoch from q.oldest_age) * 1000)::bigint),
           'is_paused', q.is_paused,
           'is_environment_paused', coalesce(e.is_paused, false),
           'paused_at', case when q.is_paused then q.paused_at else e.paused_at end,
           'paused_by', case when q.is_paused then q.paused_by else e.paused_by end,
           'pause_reason', case when q.is_paused then q.pause_reason else e.pause_reason end) end as row
from engine.queue_stats as q
left join engine.environment as e on e.id = q.environment_id
where $1::text is null or q.environment_id = $1
order by q.due desc, q.running desc, q.queued desc, q.environment_id, q.queue
