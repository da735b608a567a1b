-- Everything about a run but its payload. No row if there is none.
-- $1 text run id, bare
-- Index: run_pkey in each shard, then keys of the run.
select jsonb_build_object(
           'run_id', r.run_id,
           'task', r.task,
           'environment_id', r.environment_id,
           'queue', r.queue,
           'worker_queue', r.worker_queue,
           'key', r.concurrency_key,
           'priority_ms', coalesce(r.priority_ms, 0),
           'delay_until', r.delay_until,
           'ttl', r.ttl,
           'machine', r.machine,
           'idempotency_key', r.idempotency_key,
           'version', r.version,
           'tags', coalesce(r.tags, '{}'),
           'metadata', r.metadata::text,
           'is_test', r.is_test,
           'trace', coalesce(r.trace_context ->> 'traceparent', r.trace_context ->> 'traceId'),
           'replayed_from', r.replayed_from,
           'parent_run_id', r.parent_run_id,
           'batch_id', r.batch_id,
           'run_status', r.status,
           'execution_status', r.execution_status,
           'attempt', r.attempt_number,
           'max_attempts', r.max_attempts,
           'queue_attempts', r.queue_attempts,
           'is_dead_lettered', r.is_dead_lettered,
           'status_reason', r.status_reason,
           'usage_ms', r.usage_duration_ms,
           'created_at', r.created_at,
           'available_at', r.available_at,
           'completed_at', r.completed_at,
           'heartbeat_deadline_at', r.heartbeat_deadline_at,
           'output', r.output,
           'output_type', coalesce(r.output_type, 'application/json'),
           'error', r.error,
           'waits', (
                select coalesce(jsonb_agg(jsonb_build_object(
                           'waitpoint_id', w.waitpoint_id,
                           'kind', w.type,
                           'status', w.status,
                           'run_id', w.completed_by_run_id,
                           'batch_id', w.completed_by_batch_id,
                           'due_at', w.completed_after,
                           'tags', w.tags,
                           'since', w.since) order by w.since, w.waitpoint_id), '[]')
                from engine.run_wait as w
                where w.shard = r.shard and w.run_id = r.run_id),
           'history', (
                select coalesce(jsonb_agg(jsonb_build_object(
                           'ordinal', h.ordinal,
                           'at', h.created_at,
                           'transition', h.transition,
                           'execution_status', h.execution_status,
                           'run_status', h.run_status,
                           'attempt', h.attempt_number,
                           'description', h.description,
                           'error', coalesce(h.detail -> 'attemptError', h.detail -> 'error'),
                           'retry_at', h.detail -> 'retryAt',
                           'is_valid', h.is_valid,
                           'checkpoint_id', h.checkpoint_id,
                           'worker', coalesce(h.runner_id, h.worker_id)) order by h.ordinal), '[]')
                from (
                    select l.*
                    from engine.history as l
                    where l.shard = r.shard and l.run_id = r.run_id
                    order by l.ordinal desc
                    limit 500
                ) as h)) as row
from (
    select distinct e.shard
    from engine.environment_shard as e
) as d
join engine.run_detail as r on r.shard = d.shard and r.run_id = $1::text
