-- Everything about a run: its options, its state, its waits, and its history. No row if there is none.
-- $1 text run id, bare
-- Locks: none. Index: run_pkey in each shard, then keys of the run.
-- Moments are printed in UTC, whatever TimeZone says: the statement sets it for itself before it prints.
select case set_config('TimeZone', 'UTC', true) when 'UTC' then jsonb_build_object(
           'run_id', 'run_' || r.id,
           'task', r.task,
           'payload', r.payload,
           'payload_type', coalesce(r.payload_type, 'application/json'),
           'environment_id', r.environment_id,
           'queue', r.queue,
           'worker_queue', r.worker_queue,
           'concurrency_key', r.concurrency_key,
           'priority_ms', coalesce(r.priority_ms, 0),
           'delay_until', r.delay_until,
           'ttl', r.ttl,
           'idempotency_key', r.idempotency_key,
           'version', coalesce(s.version, r.version),
           'tags', coalesce(r.tags, '{}'),
           'metadata', r.metadata,
           'is_test', r.is_test,
           'replayed_from', 'run_' || r.replayed_from,
           'parent_run_id', 'run_' || r.parent_run_id,
           'batch_id', 'batch_' || r.batch_id,
           'run_status', s.run_status,
           'execution_status', s.execution_status,
           'snapshot_id', 'snapshot_' || s.snapshot_id,
           'attempt_number', s.attempt_number,
           'max_attempts', coalesce(s.max_attempts, r.max_attempts),
           'queue_attempts', s.queue_attempts,
           'is_dead_lettered', s.is_dead_lettered,
           'usage_duration_ms', s.usage_duration_ms,
           'created_at', r.created_at,
           'available_at', i.available_at,
           'started_at', coalesce(s.started_at, s.dequeued_at),
           'executed_at', s.executed_at,
           'completed_at', s.completed_at,
           'heartbeat_deadline_at', h.deadline_at,
           'output', s.output,
           'output_type', case when s.run_status = 'COMPLETED_SUCCESSFULLY' then coalesce(s.output_type, 'application/json') end,
           'error', s.error,
           'waits_for', (
                select coalesce(jsonb_agg(jsonb_build_object(
                           'waitpoint_id', 'waitpoint_' || w.id,
                           'type', w.type,
                           'status', w.status,
                           'run_id', 'run_' || w.completed_by_run_id,
                           'batch_id', 'batch_' || w.completed_by_batch_id,
                           'due_at', w.completed_after,
                           'since', w.created_at) order by w.created_at, w.id), '[]')
                from engine.waitpoint as w
                where (w.shard, w.id) in (
                    select e.shard, e.waitpoint_id
                    from engine.edge as e
                    where e.shard = r.shard and e.run_id = r.id)),
           'history', (
                select jsonb_agg(jsonb_build_object(
                           'snapshot_id', 'snapshot_' || p.id,
                           'created_at', p.created_at,
                           'transition', p.transition,
                           'execution_status', p.execution_status,
                           'run_status', p.run_status,
                           'attempt_number', p.attempt_number,
                           'description', p.description,
                           'error', coalesce(to_jsonb(p.error), p.detail -> 'error'),
                           'worker_id', p.worker_id,
                           'runner_id', p.runner_id,
                           'after_ms', (extract(epoch from p.created_at - r.created_at) * 1000)::bigint) order by p.ordinal)
                from engine.history as p
                where p.shard = r.shard and p.run_id = r.id)) end as row
from (
    select e.shard
    from engine.environment as e
    union
    select 0
) as d
join engine.run as r on r.shard = d.shard and r.id = $1::text
join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
left join engine.heartbeat as h on h.shard = r.shard and h.run_id = r.id
left join engine.queue_item as i on i.shard = r.shard and i.run_id = r.id
