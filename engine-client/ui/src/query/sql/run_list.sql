-- Runs of a filter, newest first: by their ids, which begin with the time unless a trigger chose one. So many of the newest are
-- looked at in each shard, and no more: what a page costs does not depend on how rare a match is.
-- $1 jsonb the filter: arrays of what matches and, below a key with a dash before it, of what does not; tag has arrays of
-- arrays, of each of which the run has one. What stands here of errors and times is what engine_bulk matches. $2 text run id: only runs older than this one. $3 text[] run ids: only these.
-- $4 bigint so many are looked at. $5 bigint at most so many match
-- Index: run_pkey, backward in each shard.
select jsonb_build_object(
           'run_id', r.run_id,
           'task', r.task,
           'queue', r.queue,
           'run_status', r.status,
           'execution_status', r.execution_status,
           'attempt', r.attempt_number,
           'max_attempts', r.max_attempts,
           'created_at', r.created_at,
           'completed_at', r.completed_at,
           'updated_at', r.updated_at,
           'delay_until', r.delay_until,
           'available_at', r.available_at,
           'ttl', r.ttl,
           'is_dead_lettered', r.is_dead_lettered,
           'status_reason', r.status_reason,
           'error', r.error) as row
from (
    select distinct e.shard
    from engine.environment_shard as e
    where not $1::jsonb ? 'env' or $1 -> 'env' ? e.environment_id
) as d
cross join lateral (
    select n.*
    from (
        select t.*
        from engine.run_detail as t
        where t.shard = d.shard
          and ($2::text is null or t.run_id < $2)
          and ($3::text[] is null or t.run_id = any ($3))
        order by t.run_id desc
        limit $4::bigint
    ) as n
    where (not $1 ? 'status' or $1 -> 'status' ? n.status::text)
      and (not $1 ? 'is_waiting' or n.execution_status in ('EXECUTING_WITH_WAITPOINTS', 'SUSPENDED'))
      and (not $1 ? '-status' or not $1 -> '-status' ? n.status::text)
      and (not $1 ? 'task' or $1 -> 'task' ? n.task)
      and (not $1 ? '-task' or not $1 -> '-task' ? n.task)
      and (not $1 ? 'queue' or $1 -> 'queue' ? n.queue)
      and (not $1 ? '-queue' or not $1 -> '-queue' ? n.queue)
      and (not $1 ? 'env' or $1 -> 'env' ? n.environment_id)
      and (not $1 ? 'key' or coalesce($1 -> 'key' ? n.concurrency_key, false))
      and (not $1 ? 'version' or coalesce($1 -> 'version' ? n.version, false))
      and (not $1 ? 'batch' or coalesce($1 -> 'batch' ? n.batch_id, false))
      and (not $1 ? 'parent' or coalesce($1 -> 'parent' ? n.parent_run_id, false))
      and (not $1 ? 'bulk' or coalesce($1 -> 'bulk' ?| n.bulk_action_ids, false))
      and (not $1 ? 'tag' or not exists (
              select from jsonb_array_elements($1 -> 'tag') as g
              where not coalesce(g ?| n.tags, false)))
      and (not $1 ? '-tag' or not coalesce($1 -> '-tag' ?| n.tags, false))
      and (not $1 ? 'worker' or coalesce($1 -> 'worker' ? n.worker_queue, false))
      and (not $1 ? 'code' or coalesce($1 -> 'code' ? coalesce(n.error ->> 'code', n.error ->> 'name', n.error ->> 'type'), false))
      and (not $1 ? 'error' or strpos(lower(concat_ws(
              ' ', n.error ->> 'type', n.error ->> 'name', n.error ->> 'code', coalesce(nullif(n.error ->> 'message', ''), n.error ->> 'raw'))), lower($1 ->> 'error')) > 0)
      and (not $1 ? 'dead' or n.is_dead_lettered)
      and (not $1 ? 'created_after' or n.created_at > ($1 ->> 'created_after')::timestamptz)
      and (not $1 ? 'created_before' or n.created_at < ($1 ->> 'created_before')::timestamptz)
      and (not $1 ? 'finished_after' or n.execution_status = 'FINISHED'
           and coalesce(n.completed_at, n.updated_at) > ($1 ->> 'finished_after')::timestamptz)
      and (not $1 ? 'finished_before' or n.execution_status = 'FINISHED'
           and coalesce(n.completed_at, n.updated_at) < ($1 ->> 'finished_before')::timestamptz)
    order by n.run_id desc
    limit $5::bigint
) as r
order by r.run_id desc
limit $5
