-- Every snapshot is an event: executionSnapshotCreated, with the fields of spec/core.md §5.1.
create view engine.event as
select s.shard,
       s.run_id,
       s.ordinal,
       'executionSnapshotCreated'::text as name,
       s.created_at as time,
       jsonb_build_object(
           'run', jsonb_build_object('id', s.run_id),
           'snapshot', jsonb_build_object(
                'id', s.id,
                'executionStatus', s.execution_status,
                'description', s.description,
                'runStatus', s.run_status,
                'attemptNumber', s.attempt_number,
                'checkpointId', s.checkpoint_id,
                'workerId', s.worker_id,
                'runnerId', s.runner_id,
                'completedWaitpointIds', s.completed_waitpoint_ids,
                'isValid', s.is_valid,
                'error', s.error)) as body
from engine.snapshot as s;

comment on view engine.event is 'Events, built from the snapshots: an event and the row that it describes are one row';
