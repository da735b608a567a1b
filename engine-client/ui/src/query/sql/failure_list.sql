-- Failures by task and error, those with most runs first. Errors are one kind if task, type and text are the same after numbers,
-- ids, quoted words and addresses are taken out.
-- $1 bigint milliseconds back, $2 text environment or null, $3 text task or null, $4 text queue or null
select jsonb_build_object(
           'task', k.task,
           'kind', k.kind,
           'text', (array_agg(k.text order by k.at desc))[1],
           'count', count(*),
           'first', min(k.at),
           'last', max(k.at),
           'latest', (array_agg(k.run_id order by k.at desc))[1],
           'dead', count(*) filter (where k.is_dead_lettered),
           'statuses', jsonb_agg(distinct k.run_status),
           'versions', jsonb_agg(distinct k.version) filter (where k.version is not null),
           'queues', jsonb_agg(distinct k.queue),
           'keys', count(distinct k.concurrency_key),
           'shortest_ms', min(k.took_ms),
           'longest_ms', max(k.took_ms),
           'minutes', jsonb_agg(date_trunc('minute', k.at))) as row
from (
    select f.*,
           regexp_replace(regexp_replace(regexp_replace(left(f.text, 300),
               '"[^"]*"|''[^'']*''', '"…"', 'g'),
               '[a-z]+://\S+', '…', 'g'),
               '\w*\d\w*', '0', 'g') as fingerprint
    from (
        select h.run_id, h.created_at as at, r.task, r.queue, r.version, r.concurrency_key, r.is_dead_lettered, r.run_status, r.error,
               (extract(epoch from h.created_at - r.created_at) * 1000)::bigint as took_ms,
               coalesce(r.error ->> 'code', r.error ->> 'name', r.error ->> 'type', r.run_status::text) as kind,
               coalesce(split_part(coalesce(r.error ->> 'message', r.error ->> 'raw'), E'\n', 1), r.status_reason, '') as text
        from engine.recent_history as h
        join engine.run_detail as r on r.shard = h.shard and r.run_id = h.run_id
        where h.execution_status = 'FINISHED'
          and h.run_status in ('COMPLETED_WITH_ERRORS', 'SYSTEM_FAILURE', 'CRASHED', 'INTERRUPTED', 'TIMED_OUT')
          and r.execution_status = 'FINISHED'
          and h.created_at >= clock_timestamp() - $1::bigint * interval '1 millisecond'
          and ($2::text is null or r.environment_id = $2)
          and ($3::text is null or r.task = $3)
          and ($4::text is null or r.queue = $4)
        limit 20000
    ) as f
) as k
group by k.task, k.kind, k.fingerprint
order by count(*) desc, max(k.at) desc
limit 100
