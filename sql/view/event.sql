-- Every event. Most come from a snapshot: its transition determines which events it is, in which order (event_kind), and
-- their bodies are read from the rows that the same statement wrote. The others are notices. A run continues, and its row
-- changes: what an event reads from it never changes again, or is copied to the snapshot's detail. The position of an event is
-- eight times that of its row, plus its number among the events of that row. Bodies do not depend on the reader's settings:
-- times are in UTC, and costs numeric.
create view engine.unfiltered_event as
select s.shard,
       s.run_id,
       s.ordinal,
       s.position as row_position,
       s.position * 8 + e.place as position,
       e.name,
       s.created_at as time,
       case e.name
           when 'executionSnapshotCreated' then jsonb_build_object(
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
                    'completedWaitpointIds', coalesce(s.completed_waitpoint_ids, '{}'),
                    'isValid', s.is_valid,
                    'error', s.error))
           when 'workerNotification' then jsonb_build_object(
               'run', jsonb_build_object('id', s.run_id),
               'snapshot', jsonb_build_object('id', s.id, 'executionStatus', s.execution_status))
           else jsonb_build_object(
               'run', jsonb_build_object(
                    'id', r.id,
                    'friendlyId', 'run_' || r.id,
                    'status', case e.name when 'runLocked' then 'DEQUEUED' else s.run_status::text end,
                    'createdAt', u.run_created_at,
                    'updatedAt', u.created_at,
                    'runTags', coalesce(r.tags, '{}'),
                    'batchId', r.batch_id,
                    'spanId', coalesce(r.trace_context ->> 'spanId', split_part(r.trace_context ->> 'traceparent', '-', 3)))
               || case e.name
                      when 'runLocked' then jsonb_build_object(
                          'lockedAt', u.created_at,
                          'startedAt', u.started_at,
                          'baseCostInCents', coalesce(t.base_cost_in_cents, 0)::numeric,
                          'machinePreset', s.machine,
                          'lockedById', r.task,
                          'lockedToVersionId', t.version,
                          'lockedQueueId', r.queue,
                          'taskVersion', t.version,
                          'sdkVersion', null,
                          'cliVersion', null,
                          'maxDurationInSeconds', nullif(
                               coalesce(t.max_duration_seconds, r.max_duration_seconds), 2147483647),
                          'maxAttempts', t.max_attempts)
                      when 'runAttemptStarted' then jsonb_build_object(
                          'attemptNumber', s.attempt_number,
                          'baseCostInCents', coalesce(t.base_cost_in_cents, 0)::numeric,
                          'executedAt', u.executed_at)
                      when 'runRetryScheduled' then jsonb_build_object(
                          'attemptNumber', coalesce(s.attempt_number, 0) + 1,
                          'queue', r.queue,
                          'taskIdentifier', r.task,
                          'traceContext', r.trace_context,
                          'baseCostInCents', coalesce(t.base_cost_in_cents, 0)::numeric,
                          'error', s.detail -> 'error')
                          || jsonb_strip_nulls(jsonb_build_object('nextMachineAfterOOM', s.detail -> 'nextMachineAfterOOM'))
                      when 'runAttemptFailed' then jsonb_build_object(
                          'taskEventStore', 'taskEvent',
                          'attemptNumber', coalesce(s.attempt_number, 0),
                          'error', coalesce(s.detail -> 'attemptError', s.detail -> 'error', t.error),
                          'completedAt', case when s.execution_status = 'FINISHED' then u.created_at end)
                      when 'runSucceeded' then jsonb_build_object(
                          'taskEventStore', 'taskEvent',
                          'attemptNumber', coalesce(s.attempt_number, 1),
                          'output', t.output,
                          'outputType', coalesce(t.output_type, 'application/json'),
                          'completedAt', u.completed_at,
                          'usageDurationMs', t.usage_duration_ms,
                          'costInCents', coalesce(t.cost_in_cents, 0)::numeric)
                      when 'runFailed' then jsonb_build_object(
                          'taskEventStore', 'taskEvent',
                          'attemptNumber', coalesce(s.attempt_number, 1),
                          'error', coalesce(s.detail -> 'error', t.error),
                          'completedAt', case s.transition when 'CREATED_FAILED' then u.completed_at else u.created_at end,
                          'usageDurationMs', coalesce((s.detail ->> 'usageDurationMs')::integer, t.usage_duration_ms),
                          'costInCents', coalesce((s.detail ->> 'costInCents')::double precision::numeric, t.cost_in_cents::numeric, 0))
                      when 'runCancelled' then jsonb_build_object(
                          'taskEventStore', 'taskEvent',
                          'attemptNumber', coalesce(s.attempt_number, 1),
                          'error', t.error,
                          'completedAt', u.completed_at)
                      when 'runEnqueuedAfterDelay' then jsonb_build_object('queuedAt', u.created_at)
                      when 'runDelayRescheduled' then jsonb_build_object('delayUntil', s.detail -> 'delayUntil')
                      when 'runExpired' then jsonb_build_object(
                          'taskEventStore', 'taskEvent',
                          'ttl', r.ttl,
                          'expiredAt', u.created_at,
                          'completedAt', u.completed_at)
                      else '{}'
                  end,
               'organization', jsonb_build_object('id', r.organization_id),
               'project', jsonb_build_object('id', r.project_id),
               'environment', jsonb_build_object('id', r.environment_id))
               || case e.name
                      when 'runRetryScheduled' then jsonb_build_object(
                          'retryAt', s.detail -> 'retryAt',
                          'environment', jsonb_build_object(
                               'id', r.environment_id,
                               'slug', r.environment_id,
                               'type', r.environment_type,
                               'organization', jsonb_build_object('id', r.organization_id),
                               'project', jsonb_build_object('id', r.project_id)))
                      else '{}'
                  end
       end as body
from engine.unfiltered_history as s
join engine.run as r on r.shard = s.shard and r.id = s.run_id
join engine.run_state as t on t.shard = s.shard and t.run_id = s.run_id
cross join lateral (
    select (to_jsonb(s.created_at at time zone 'UTC') #>> '{}') || '+00:00' as created_at,
           (to_jsonb(r.created_at at time zone 'UTC') #>> '{}') || '+00:00' as run_created_at,
           (to_jsonb(coalesce(t.started_at, t.dequeued_at) at time zone 'UTC') #>> '{}') || '+00:00' as started_at,
           (to_jsonb(t.executed_at at time zone 'UTC') #>> '{}') || '+00:00' as executed_at,
           (to_jsonb(t.completed_at at time zone 'UTC') #>> '{}') || '+00:00' as completed_at
) as u
join engine.event_kind as e
  on e.transition = s.transition and (e.name <> 'runDelayRescheduled' or s.detail ? 'delayUntil')
where s.detail is null or not s.detail ? 'isSilent'
union all
select n.shard, n.run_id, null, n.position, n.position * 8, n.name, n.created_at, n.body
from engine.notice as n;

comment on view engine.unfiltered_event is 'Events of all environments';

create view engine.event with (security_barrier) as
select e.shard, e.run_id, e.ordinal, e.row_position, e.position, e.name, e.time, e.body
from engine.unfiltered_event as e
where (select v.is_everywhere from engine.read_scope as v)
   or exists (
       select from engine.run as r
       where r.shard = e.shard and r.id = e.run_id
         and r.environment_id = any ((select v.environment_ids from engine.read_scope as v)::text[]));

comment on view engine.event is 'Events, built from the rows that they describe; read them in order with engine_events';
