-- Failures by task and error, those with most runs first. Errors are one kind if task, code and fingerprint are the same. At most
-- 20,000 failures are counted, the newest.
-- $1 bigint milliseconds back, $2 text environment or null, $3 text task or null, $4 text queue or null
-- Index: failure_environment, backward in each environment.
select jsonb_build_object(
           'task', k.task,
           'kind', k.kind,
           'text', (array_agg(k.message order by k.failed_at desc))[1],
           'count', count(*),
           'first', min(k.failed_at),
           'last', max(k.failed_at),
           'latest', (array_agg(k.run_id order by k.failed_at desc))[1],
           'dead', count(*) filter (where k.is_dead_lettered),
           'statuses', jsonb_agg(distinct k.run_status),
           'versions', jsonb_agg(distinct k.version) filter (where k.version is not null),
           'queues', jsonb_agg(distinct k.queue),
           'keys', count(distinct k.concurrency_key),
           'shortest_ms', min(k.took_ms),
           'longest_ms', max(k.took_ms),
           'minutes', jsonb_agg(date_trunc('minute', k.failed_at))) as row
from (
    select f.*,
           coalesce(f.error_code, f.run_status::text) as kind,
           (extract(epoch from f.failed_at - f.triggered_at) * 1000)::bigint as took_ms
    from engine.environment_shard as e
    cross join lateral (
        select n.*
        from engine.unfiltered_failed_run as n
        where n.shard = e.shard and n.environment_id = e.environment_id
          and n.failed_at >= clock_timestamp() - $1::bigint * interval '1 millisecond'
          and n.run_status <> 'EXPIRED'
          and ($3::text is null or n.task = $3)
          and ($4::text is null or n.queue = $4)
        order by n.failed_at desc
        limit 20000
    ) as f
    where $2::text is null or e.environment_id = $2
    order by f.failed_at desc
    limit 20000
) as k
group by k.task, k.kind, k.fingerprint
order by count(*) desc, max(k.failed_at) desc
limit 100
