-- A waitpoint as people see it. Times are in UTC here, whatever the reader's time zone.
create view engine.waitpoint_data as
select w.shard,
       w.id,
       w.environment_id,
       jsonb_strip_nulls(jsonb_build_object(
           'id', w.id,
           'friendlyId', 'waitpoint_' || w.id,
           'type', w.type,
           'status', w.status,
           'environmentId', w.environment_id,
           'completedAfter', u.completed_after,
           'completedAt', u.completed_at,
           'createdAt', u.created_at,
           'tags', w.tags,
           'idempotencyKey', case when w.user_provided_idempotency_key and w.inactive_idempotency_key is null
                                  then w.idempotency_key end,
           'inactiveIdempotencyKey', w.inactive_idempotency_key,
           'idempotencyKeyExpiresAt', u.idempotency_key_expires_at,
           'completedByTaskRun', case when w.completed_by_run_id is not null then jsonb_build_object(
                'id', w.completed_by_run_id, 'friendlyId', 'run_' || w.completed_by_run_id) end,
           'completedByBatch', case when w.completed_by_batch_id is not null then jsonb_build_object(
                'id', w.completed_by_batch_id, 'friendlyId', 'batch_' || w.completed_by_batch_id) end,
           'output', w.output,
           'outputType', w.output_type,
           'outputIsError', w.output_is_error)) as data
from engine.waitpoint as w
cross join lateral (
    select (to_jsonb(w.completed_after at time zone 'UTC') #>> '{}') || '+00:00' as completed_after,
           (to_jsonb(w.completed_at at time zone 'UTC') #>> '{}') || '+00:00' as completed_at,
           (to_jsonb(w.created_at at time zone 'UTC') #>> '{}') || '+00:00' as created_at,
           (to_jsonb(w.idempotency_key_expires_at at time zone 'UTC') #>> '{}') || '+00:00' as idempotency_key_expires_at
) as u;

comment on view engine.waitpoint_data is 'Waitpoints as people see them';
