-- What a worker that dequeues a run needs to know, besides the run's state. Read it for one run at a time.
create view engine.dequeue_detail as
select r.shard,
       r.id as run_id,
       p.ordinal,
       r.environment_type,
       r.batch_id,
       r.max_attempts,
       r.machine,
       r.retry,
       r.task,
       r.payload,
       r.payload_type,
       r.queue,
       r.concurrency_key,
       r.worker_queue,
       r.environment_id,
       r.project_id,
       r.organization_id,
       r.max_duration_seconds,
       r.is_test,
       r.replayed_from is not null as is_replay,
       r.tags,
       r.metadata,
       r.trace_context,
       (select k.entry from engine.checkpoint_entry as k where k.shard = p.shard and k.id = p.checkpoint_id) as checkpoint,
       (select jsonb_agg(w.entry order by w.index)
        from engine.completed_waitpoint as w
        where p.completed_waitpoint_ids is not null
          and w.shard = p.shard and w.run_id = p.run_id and w.ordinal = p.ordinal) as completed_waitpoints,
       r.version
from engine.run as r
join engine.snapshot as p on p.shard = r.shard and p.run_id = r.id;

comment on view engine.dequeue_detail is 'What a worker that dequeues a run needs to know, per run and snapshot';
