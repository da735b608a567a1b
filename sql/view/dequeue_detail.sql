-- The details of a run for the worker that dequeues it, besides the run's state and what its snapshot carries.
create view engine.dequeue_detail as
select r.shard,
       r.id as run_id,
       r.environment_type,
       r.batch_id,
       r.max_attempts,
       r.machine,
       r.retry,
       r.task,
       r.payload,
       coalesce(r.payload_type, 'application/json') as payload_type,
       r.queue,
       r.concurrency_key,
       r.worker_queue,
       r.environment_id,
       r.project_id,
       r.organization_id,
       r.max_duration_seconds,
       r.is_test,
       r.replayed_from is not null as is_replay,
       coalesce(r.tags, '{}') as tags,
       r.metadata,
       r.trace_context,
       r.version
from engine.run as r;

comment on view engine.dequeue_detail is 'Details of a run for the worker that dequeues it, as it was triggered';
