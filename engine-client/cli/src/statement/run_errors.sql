-- Failures by task and error, the most frequent first: messages are of one kind if they differ in numbers, ids, quoted texts and
-- paths only. If not all failures were read, the last row says with which to continue.
-- $1 jsonb conditions: task, queue, environment_id, each an array; created_after, finished_after; $2 text run id: only runs older
-- than this one, $3 bigint failures to read, $4 bigint at most so many groups
-- Locks: none. Index: failure_pkey, backward in each shard.
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
with shards as (
    select e.shard
    from engine.environment as e
    union
    select 0
), floor as (
    select max(b.id) as id
    from shards as d
    cross join lateral (
        select f.run_id as id
        from engine.failure as f
        where f.shard = d.shard and ($2::text is null or f.run_id < $2)
        order by f.run_id desc
        offset $3::bigint - 1
        limit 1
    ) as b
), failed as (
    select f.*
    from shards as d
    cross join floor as b
    join engine.failure as f on f.shard = d.shard and ($2 is null or f.run_id < $2) and f.run_id >= coalesce(b.id, '')
    where ($1::jsonb -> 'task' is null or $1 -> 'task' ? f.task)
      and ($1 -> 'queue' is null or $1 -> 'queue' ? f.queue)
      and ($1 -> 'environment_id' is null or $1 -> 'environment_id' ? f.environment_id)
      and ($1 ->> 'created_after' is null or f.triggered_at > ($1 ->> 'created_after')::timestamptz)
      and ($1 ->> 'finished_after' is null or f.failed_at > ($1 ->> 'finished_after')::timestamptz)
)
(select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'task', f.task,
           'run_status', f.run_status,
           'error_code', f.error_code,
           'error', f.fingerprint,
           'last_error', (array_agg(f.message order by f.failed_at desc))[1],
           'count', count(*),
           'first_at', min(f.failed_at),
           'last_at', max(f.failed_at),
           'last_run_id', 'run_' || (array_agg(f.run_id order by f.failed_at desc))[1]) end as row
 from failed as f
 group by f.task, f.run_status, f.error_code, f.fingerprint
 order by count(*) desc, max(f.failed_at) desc
 limit $4::bigint)
union all
select jsonb_build_object('continue_before', 'run_' || b.id)
from floor as b
where b.id is not null
