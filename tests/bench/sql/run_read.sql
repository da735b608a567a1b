-- Two commits: a run with its state. The middle parts of sql/statement/dequeue_lock.sql.
-- $1 smallint shard, $2 text run id
select s.run_status::text, s.execution_status::text, s.queue_attempts, s.usage_duration_ms, s.dequeued_at,
       coalesce(s.max_attempts, r.max_attempts) as max_attempts, coalesce(s.machine, r.machine) as machine,
       r.environment_type::text, r.task, r.payload, r.payload_type, r.queue, r.concurrency_key, r.worker_queue,
       r.environment_id, r.project_id, r.organization_id, r.max_duration_seconds, r.is_test, r.replayed_from, r.tags,
       r.metadata, r.trace_context
from engine.run as r
join engine.run_state as s on s.shard = $1 and s.run_id = r.id
where r.shard = $1 and r.id = $2
