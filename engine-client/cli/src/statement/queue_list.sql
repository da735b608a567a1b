-- Queues with runs or with settings, those with most work first.
-- $1 text environment, or null for all
-- Locks: none. Reads every queue item and every heartbeat.
select jsonb_build_object(
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
           'is_environment_paused', coalesce(e.is_paused, false)) as row
from engine.queue_stats as q
left join engine.environment as e on e.id = q.environment_id
where $1::text is null or q.environment_id = $1
order by q.due desc, q.running desc, q.queued desc, q.environment_id, q.queue
