-- Of a queued run `i` that a dequeue has locked, with what `d` knows of it.
-- -> run_id text, run_status text, execution_status text, snapshot_id text, snapshot_ordinal integer,
-- -> attempt_number integer null, max_attempts integer null, queue_attempts integer, released_attempts integer,
-- -> machine text null, usage_duration_ms integer, cost_in_cents double precision, was_dequeued boolean,
-- -> has_waitpoint boolean, is_dead_lettered boolean, retry jsonb null, environment_type text, batch_id text null,
-- -> error jsonb null, status_reason text null, task text, payload text, payload_type text, queue text,
-- -> concurrency_key text null, worker_queue text, environment_id text, project_id text null,
-- -> organization_id text null, max_duration_seconds integer null, is_test boolean, is_replay boolean, tags text[],
-- -> metadata jsonb null, trace_context jsonb null, version text null, carries boolean
i.run_id, i.run_status::text, i.execution_status::text, i.snapshot_id, i.snapshot_ordinal, i.attempt_number,
coalesce(i.max_attempts, d.max_attempts) as max_attempts, coalesce(i.queue_attempts, 0) as queue_attempts, coalesce(i.released_attempts, 0) as released_attempts,
coalesce(i.machine, d.machine) as machine, i.usage_duration_ms, coalesce(i.cost_in_cents, 0) as cost_in_cents,
i.dequeued_at is not null as was_dequeued, i.has_waitpoint, i.is_dead_lettered,
coalesce(i.retry, d.retry) as retry, d.environment_type::text, d.batch_id, i.error, i.status_reason, d.task,
d.payload, d.payload_type, d.queue, d.concurrency_key, d.worker_queue, d.environment_id, d.project_id,
d.organization_id, d.max_duration_seconds, d.is_test, d.is_replay, d.tags, d.metadata, d.trace_context,
coalesce(i.version, d.version) as version,
num_nonnulls(i.batch_id, i.checkpoint_id, i.completed_waitpoint_ids) > 0 as carries
