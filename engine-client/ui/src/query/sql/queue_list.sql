-- Queues with runs or with settings, those that wait longest first.
-- $1 text environment, $2 text part of the name; null for all. $3 bigint at most so many
select jsonb_build_object(
           'queue', q.queue,
           'environment_id', q.environment_id,
           'queued', q.queued,
           'due', q.due,
           'running', q.running,
           'keys', q.waiting_keys,
           'limit', q.concurrency_limit,
           'override', s.override_limit,
           'max_size', q.max_size,
           'oldest_ms', case when q.due > 0 then greatest(0, (extract(epoch from q.oldest_age) * 1000)::bigint) end,
           'is_paused', q.is_paused,
           'pause', jsonb_build_object('at', q.paused_at, 'by', q.paused_by, 'reason', q.pause_reason)) as row
from engine.queue_stats as q
left join engine.queue_setting as s on s.environment_id = q.environment_id and s.queue = q.queue
where ($1::text is null or q.environment_id = $1)
  and ($2::text is null or position(lower($2) in lower(q.queue)) > 0)
order by case when q.due > 0 then q.oldest_available_at end, q.running desc, q.queued desc, q.environment_id, q.queue
limit $3::bigint
