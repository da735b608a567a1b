-- Whether run n of engine.run_detail matches a filter.
-- $1 jsonb the filter: arrays of what matches and, below a key with a dash before it, of what does not; tag has arrays of
-- arrays, of each of which the run has one. What stands here of errors and times is what engine_bulk matches
(not $1 ? 'status' or $1 -> 'status' ? n.status::text)
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
  and (not $1 ? 'metadata' or exists (
          select from jsonb_array_elements_text($1 -> 'metadata') as m
          where n.metadata ? m or n.metadata ->> split_part(m, '=', 1) = substr(m, strpos(m, '=') + 1)))
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
