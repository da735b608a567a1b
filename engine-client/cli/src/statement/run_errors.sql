-- Failures by task and error, the most frequent first: messages are the same if they differ in numbers and ids only. If not all
-- runs were read, the last row says with which to continue.
-- $1 jsonb conditions: task, queue, environment_id, each an array; created_after, finished_after; $2 text run id: only runs older
-- than this one, $3 bigint runs to read, $4 bigint at most so many groups
-- Locks: none. Index: run_pkey, backward in each shard.
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
        select r.id
        from engine.run as r
        where r.shard = d.shard and ($2::text is null or r.id < $2)
        order by r.id desc
        offset $3::bigint - 1
        limit 1
    ) as b
), failed as (
    select r.id, r.task, s.run_status, coalesce(s.completed_at, s.updated_at) as ended_at,
           coalesce(s.error ->> 'code', s.error ->> 'name', s.error ->> 'type') as code,
           left(regexp_replace(coalesce(nullif(s.error ->> 'message', ''), s.error ->> 'raw', ''),
                               '\m(?=[0-9a-f-]*[0-9])[0-9a-f-]{8,}\M|[0-9]+', '#', 'g'), 120) as message
    from shards as d
    cross join floor as b
    join engine.run as r on r.shard = d.shard and ($2 is null or r.id < $2) and (b.id is null or r.id >= b.id)
    join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
    where s.execution_status = 'FINISHED' and s.run_status not in ('COMPLETED_SUCCESSFULLY', 'CANCELED')
      and ($1::jsonb -> 'task' is null or $1 -> 'task' ? r.task)
      and ($1 -> 'queue' is null or $1 -> 'queue' ? r.queue)
      and ($1 -> 'environment_id' is null or $1 -> 'environment_id' ? r.environment_id)
      and ($1 ->> 'created_after' is null or r.created_at > ($1 ->> 'created_after')::timestamptz)
      and ($1 ->> 'finished_after' is null
           or coalesce(s.completed_at, s.updated_at) > ($1 ->> 'finished_after')::timestamptz)
)
(select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'task', f.task,
           'run_status', f.run_status,
           'error_code', f.code,
           'error', f.message,
           'count', count(*),
           'first_at', min(f.ended_at),
           'last_at', max(f.ended_at),
           'last_run_id', 'run_' || (array_agg(f.id order by f.ended_at desc))[1]) end as row
 from failed as f
 group by f.task, f.run_status, f.code, f.message
 order by count(*) desc, max(f.ended_at) desc
 limit $4::bigint)
union all
select jsonb_build_object('continue_before', 'run_' || b.id)
from floor as b
where b.id is not null
