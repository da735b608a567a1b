-- The options of a run, for one that replays it.
-- :shard smallint
-- :run_id text
-- -> task text null, payload text null, payload_type text null, queue text null, environment_id text null,
-- -> worker_queue text null, concurrency_key text null, priority_ms bigint null, max_attempts integer null,
-- -> max_duration_seconds integer null, machine text null, tags text[] null, metadata jsonb null,
-- -> is_test boolean null, trace_context jsonb null, annotations jsonb null, retry jsonb null
-- Locks: none. Index: run_pkey.
select r.task, r.payload, coalesce(r.payload_type, 'application/json') as payload_type, r.queue, r.environment_id, r.worker_queue, r.concurrency_key,
       coalesce(r.priority_ms, 0) as priority_ms,
       r.max_attempts, r.max_duration_seconds, r.machine, coalesce(r.tags, '{}') as tags, r.metadata, r.is_test, r.trace_context, r.annotations,
       r.retry
from engine.run as r
where r.shard = :shard and r.id = :run_id
