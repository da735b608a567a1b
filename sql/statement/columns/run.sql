-- Of a locked run `s`, with what `r` knows of it.
-- -> run_id text, run_status text, execution_status text, snapshot_id text, snapshot_ordinal integer,
-- -> attempt_number integer null, max_attempts integer null, queue_attempts integer, released_attempts integer,
-- -> machine text null, usage_duration_ms integer, cost_in_cents double precision, was_dequeued boolean,
-- -> has_waitpoint boolean, is_dead_lettered boolean, retry jsonb null, environment_type text, batch_id text null,
-- -> error jsonb null, status_reason text null
s.run_id, s.run_status::text, s.execution_status::text, s.snapshot_id, s.snapshot_ordinal, s.attempt_number,
s.max_attempts, coalesce(s.queue_attempts, 0) as queue_attempts, coalesce(s.released_attempts, 0) as released_attempts, s.machine, s.usage_duration_ms, coalesce(s.cost_in_cents, 0) as cost_in_cents,
s.dequeued_at is not null as was_dequeued, s.has_waitpoint, s.is_dead_lettered, s.retry, r.environment_type::text,
r.batch_id, s.error, s.status_reason
