-- The options of a run, for one that replays it.
-- :shard smallint
-- :run_id text
-- Locks: none. Index: run_pkey.
select r.task, r.payload, r.payload_type, r.queue, r.environment_id, r.worker_queue, r.concurrency_key, r.priority_ms,
       r.max_attempts, r.max_duration_seconds, r.machine, r.tags, r.metadata, r.is_test, r.trace_context, r.annotations,
       r.retry
from engine.run as r
where r.shard = :shard and r.id = :run_id
