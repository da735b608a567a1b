-- The history of runs with what the rows of engine.snapshot leave out because it follows from them: the id, which is what all ids of
-- the run have in common, then the ordinal (SnapshotId in the core); the snapshot before, which is the last valid one; and the
-- usual description of a transition (Transition::description in the core).
create view engine.unfiltered_history as
select s.shard,
       s.run_id,
       s.ordinal,
       coalesce(s.id, left(t.snapshot_id, 17) || lpad(to_hex(s.ordinal), 8, '0')) as id,
       (select coalesce(p.id, left(t.snapshot_id, 17) || lpad(to_hex(p.ordinal), 8, '0'))
        from engine.snapshot as p
        where p.shard = s.shard and p.run_id = s.run_id and p.ordinal < s.ordinal and p.is_valid
        order by p.ordinal desc
        limit 1) as previous_snapshot_id,
       s.transition,
       s.execution_status,
       s.run_status,
       s.attempt_number,
       s.position,
       s.horizon,
       s.created_at,
       coalesce(s.description, s.error, case s.transition
           when 'TRIGGERED' then 'Triggered'
           when 'TRIGGERED_DELAYED' then 'Triggered: it waits for its time'
           when 'CREATED_CANCELED' then 'Cancelled before it was triggered'
           when 'CREATED_FAILED' then 'Failed before it was triggered'
           when 'DELAY_ENDED' then 'Queued: its delay has ended'
           when 'RESCHEDULED' then 'Rescheduled'
           when 'EXPIRED' then 'Expired: its time to live passed in the queue'
           when 'PARKED' then 'Parked: it waits for a version'
           when 'PROMOTED' then 'Promoted: a version knows its task'
           when 'DEQUEUED' then 'Dequeued'
           when 'CONTINUED_IN_QUEUE' then 'Continued: it has its slot again'
           when 'REFUSED' then 'Refused'
           when 'REQUEUED' then 'Requeued: its worker released it'
           when 'STARTED' then 'Attempt started'
           when 'CONTINUED' then 'Continued after it was suspended'
           when 'SUCCEEDED' then 'Succeeded'
           when 'FAILED' then 'Failed'
           when 'STALLED_FOR_GOOD' then 'Failed: its worker stopped beating'
           when 'RETRIED' then 'Retried at once'
           when 'RETRIED_BY_QUEUE' then 'Retried through the queue'
           when 'ATTEMPT_FAILED' then 'Requeued: its worker stopped beating'
           when 'CANCEL_REQUESTED' then 'Cancelled: its worker is asked to stop'
           when 'CANCELED' then 'Cancelled'
           when 'BLOCKED' then 'Blocked by a waitpoint'
           when 'UNBLOCKED' then 'Unblocked while its process is alive'
           when 'SUSPENDED' then 'Suspended'
           when 'RESUMED' then 'Queued: all its waitpoints are completed'
           when 'REDRIVEN' then 'Redriven'
       end) as description,
       s.error,
       s.is_valid,
       s.batch_id,
       s.checkpoint_id,
       s.completed_waitpoint_ids,
       s.completed_waitpoint_order,
       s.worker_id,
       s.runner_id,
       s.machine,
       s.metadata,
       s.detail
from engine.snapshot as s
left join engine.run_state as t on t.shard = s.shard and t.run_id = s.run_id;

comment on view engine.unfiltered_history is 'Snapshots with the one before each and its description, of all environments';

create view engine.history with (security_barrier) as
select s.shard, s.run_id, s.ordinal, s.id, s.previous_snapshot_id, s.transition, s.execution_status, s.run_status,
       s.attempt_number, s.position, s.horizon, s.created_at, s.description, s.error, s.is_valid, s.batch_id,
       s.checkpoint_id, s.completed_waitpoint_ids, s.completed_waitpoint_order, s.worker_id, s.runner_id, s.machine,
       s.metadata, s.detail
from engine.unfiltered_history as s
where (select v.is_everywhere from engine.read_scope as v)
   or exists (
       select from engine.run as r
       where r.shard = s.shard and r.id = s.run_id
         and r.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]));

comment on view engine.history is 'Snapshots with the one before each and its description';
