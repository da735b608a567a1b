-- One commit: locks the run and reads what a worker needs to know, its latest snapshot included.
-- From sql/statement/dequeue_lock.sql; what a snapshot carries is read for those that carry something, which none here does.
-- $1 smallint shard, $2 text run id
select p.id, p.ordinal, p.attempt_number, p.batch_id, p.checkpoint_id, p.completed_waitpoint_ids,
       p.completed_waitpoint_order,
       s.run_status::text, s.execution_status::text, s.queue_attempts, s.usage_duration_ms, s.dequeued_at,
       coalesce(s.max_attempts, r.max_attempts) as max_attempts, coalesce(s.machine, r.machine) as machine,
       r.environment_type::text, r.task, r.payload, r.payload_type, r.queue, r.concurrency_key, r.worker_queue,
       r.environment_id, r.project_id, r.organization_id, r.max_duration_seconds, r.is_test, r.replayed_from, r.tags,
       r.metadata, r.trace_context
from engine.run as r
join engine.run_state as s on s.shard = $1 and s.run_id = r.id
join engine.snapshot as p on p.shard = $1 and p.run_id = r.id and p.ordinal = s.snapshot_ordinal
where r.shard = $1 and r.id = $2
for no key update of s skip locked
