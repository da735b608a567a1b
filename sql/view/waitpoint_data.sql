-- A waitpoint as people see it.
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
           'completedAfter', w.completed_after,
           'completedAt', w.completed_at,
           'createdAt', w.created_at,
           'tags', w.tags,
           'idempotencyKey', case when w.user_provided_idempotency_key and w.inactive_idempotency_key is null
                                  then w.idempotency_key end,
           'inactiveIdempotencyKey', w.inactive_idempotency_key,
           'idempotencyKeyExpiresAt', w.idempotency_key_expires_at,
           'completedByTaskRun', case when w.completed_by_run_id is not null then jsonb_build_object(
                'id', w.completed_by_run_id, 'friendlyId', 'run_' || w.completed_by_run_id) end,
           'completedByBatch', case when w.completed_by_batch_id is not null then jsonb_build_object(
                'id', w.completed_by_batch_id, 'friendlyId', 'batch_' || w.completed_by_batch_id) end,
           'output', w.output,
           'outputType', w.output_type,
           'outputIsError', w.output_is_error)) as data
from engine.waitpoint as w;

comment on view engine.waitpoint_data is 'Waitpoints as people see them';
