-- The concurrency keys of a queue, those with most queued runs first.
-- $1 text environment, $2 text queue
select jsonb_build_object(
           'key', k.concurrency_key,
           'queued', k.queued,
           'running', k.running,
           'oldest_ms', case when k.due > 0
               then greatest(0, (extract(epoch from clock_timestamp() - k.oldest_available_at) * 1000)::bigint) end) as row
from engine.key_stats as k
where k.environment_id = $1::text and k.queue = $2::text and k.concurrency_key is not null
order by k.queued desc, k.running desc, k.concurrency_key
limit 50
