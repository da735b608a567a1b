-- Runs that match a filter, newest first: by their ids, which begin with the time unless a trigger chose one. Where only runs of a
-- batch, children of a run, or runs that failed are asked for, no others are read; an error without a status asks for the last. If
-- not all runs were read, and fewer than asked for match, the last row says with which to continue.
-- $1 jsonb conditions as engine_bulk takes them, each but times and texts an array, $2 text run id: only runs older than this one,
-- $3 boolean only runs that have ended, or that have not, $4 bigint at most so many, $5 bigint runs to read; null for any
-- Locks: none. Index: run_pkey, run_batch or failure_pkey, backward in each shard; or run_parent.
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
with shards as (
    select e.shard
    from engine.environment as e
    union
    select 0
), asked as (
    select case when $1::jsonb ? 'batch_id' then 'BATCH'
                when $1 ? 'parent_run_id' then 'PARENT'
                when coalesce(
                         $1 -> 'status' <@ '["COMPLETED_WITH_ERRORS", "SYSTEM_FAILURE", "CRASHED", "INTERRUPTED", "TIMED_OUT", "EXPIRED"]',
                         $1 ?| array['error', 'error_code']) then 'FAILED'
                else 'EVERY'
           end as source,
           regexp_replace($1 ->> 'batch_id', '^batch_', '') as batch_id,
           regexp_replace($1 ->> 'parent_run_id', '^run_', '') as parent_run_id
), candidate as not materialized (
    (select r.shard, r.id
     from engine.run as r
     where (select a.source from asked as a) = 'EVERY'
     order by r.shard desc, r.id desc)
    union all
    (select r.shard, r.id
     from engine.run as r
     where (select a.source from asked as a) = 'BATCH' and r.batch_id = (select a.batch_id from asked as a)
     order by r.shard desc, r.id desc)
    union all
    (select r.shard, r.id
     from engine.run as r
     where (select a.source from asked as a) = 'PARENT' and r.parent_run_id = (select a.parent_run_id from asked as a)
     order by r.shard desc, r.id desc)
    union all
    (select f.shard, f.run_id
     from engine.failure as f
     where (select a.source from asked as a) = 'FAILED'
     order by f.shard desc, f.run_id desc)
), floor as (
    select max(b.id) as id
    from shards as d
    cross join lateral (
        select c.id
        from candidate as c
        where c.shard = d.shard and $5::bigint is not null and ($2::text is null or c.id < $2)
        order by c.id desc
        offset $5 - 1
        limit 1
    ) as b
), found as (
    select f.id, f.entry
    from shards as d
    cross join floor as b
    cross join lateral (
        select r.id,
               case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
                   'run_id', 'run_' || r.id,
                   'task', r.task,
                   'queue', r.queue,
                   'environment_id', r.environment_id,
                   'concurrency_key', r.concurrency_key,
                   'tags', coalesce(r.tags, '{}'),
                   'run_status', s.run_status,
                   'execution_status', s.execution_status,
                   'attempt_number', s.attempt_number,
                   'created_at', r.created_at,
                   'updated_at', s.updated_at,
                   'completed_at', s.completed_at,
                   'error_code', coalesce(s.error ->> 'code', s.error ->> 'name', s.error ->> 'type'),
                   'error', left(coalesce(nullif(s.error ->> 'message', ''), s.error ->> 'raw'), 200),
                   'age_ms', (extract(epoch from clock_timestamp() - r.created_at) * 1000)::bigint) end as entry
        from candidate as c
        -- Looked up for each, in the order of the candidates: a join of the tables would read them beyond the last one that is wanted.
        cross join lateral (
            select r.*
            from engine.run as r
            where r.shard = c.shard and r.id = c.id
            offset 0
        ) as r
        join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
        where c.shard = d.shard
          and ($2 is null or c.id < $2)
          and c.id >= coalesce(b.id, '')
          and ($3::boolean is null or (s.execution_status = 'FINISHED') = $3)
          and ($1 -> 'run_id' is null or $1 -> 'run_id' ?| array[r.id, 'run_' || r.id])
          and ($1 -> 'status' is null or $1 -> 'status' ? s.run_status::text)
          and ($1 -> 'task' is null or $1 -> 'task' ? r.task)
          and ($1 -> 'queue' is null or $1 -> 'queue' ? r.queue)
          and ($1 -> 'environment_id' is null or $1 -> 'environment_id' ? r.environment_id)
          and ($1 -> 'tag' is null or $1 -> 'tag' ?| r.tags)
          and ($1 -> 'metadata' is null or exists (
                  select from jsonb_array_elements_text($1 -> 'metadata') as m
                  where r.metadata ? m or r.metadata ->> split_part(m, '=', 1) = substr(m, strpos(m, '=') + 1)))
          and ($1 -> 'concurrency_key' is null or $1 -> 'concurrency_key' ? r.concurrency_key)
          and ($1 -> 'version' is null or $1 -> 'version' ? coalesce(s.version, r.version))
          and ($1 -> 'worker_queue' is null or $1 -> 'worker_queue' ? r.worker_queue)
          and ($1 -> 'error_code' is null or $1 -> 'error_code' ? coalesce(s.error ->> 'code', s.error ->> 'name', s.error ->> 'type'))
          and ($1 ->> 'error' is null or strpos(lower(concat_ws(
                  ' ', s.error ->> 'type', s.error ->> 'name', s.error ->> 'code', coalesce(nullif(s.error ->> 'message', ''), s.error ->> 'raw'))), lower($1 ->> 'error')) > 0)
          and ($1 ->> 'batch_id' is null or $1 ->> 'batch_id' in (r.batch_id, 'batch_' || r.batch_id))
          and ($1 ->> 'parent_run_id' is null or $1 ->> 'parent_run_id' in (r.parent_run_id, 'run_' || r.parent_run_id))
          and ($1 ->> 'bulk_id' is null or s.bulk_action_ids && array[$1 ->> 'bulk_id', 'bulk_' || ($1 ->> 'bulk_id')])
          and ($1 ->> 'created_after' is null or r.created_at > ($1 ->> 'created_after')::timestamptz)
          and ($1 ->> 'created_before' is null or r.created_at < ($1 ->> 'created_before')::timestamptz)
          and ($1 ->> 'finished_after' is null or s.execution_status = 'FINISHED'
               and coalesce(s.completed_at, s.updated_at) > ($1 ->> 'finished_after')::timestamptz)
          and ($1 ->> 'finished_before' is null or s.execution_status = 'FINISHED'
               and coalesce(s.completed_at, s.updated_at) < ($1 ->> 'finished_before')::timestamptz)
        order by c.id desc
        limit $4::bigint
    ) as f
    order by f.id desc
    limit $4
)
(select f.entry as row
 from found as f
 order by f.id desc)
union all
select jsonb_build_object('continue_before', 'run_' || b.id)
from floor as b
where b.id is not null and (select count(*) from found as f) < $4
