-- A batch as people see it, without its items.
create view engine.batch_data as
select b.shard,
       b.id,
       b.environment_id,
       jsonb_strip_nulls(jsonb_build_object(
           'id', b.id,
           'friendlyId', 'batch_' || b.id,
           'status', b.status,
           'environmentId', b.environment_id,
           'runCount', b.run_count,
           'itemCount', b.item_count,
           'successfulRunCount', b.item_count - b.failed_count,
           'failedRunCount', b.failed_count,
           'sealed', b.sealed_at is not null,
           'sealedAt', b.sealed_at,
           'processingCompletedAt', b.sealed_at,
           'completedAt', b.completed_at,
           'createdAt', b.created_at,
           'parentRunId', 'run_' || b.parent_run_id,
           'resumeParentOnCompletion', b.resume_parent,
           'idempotencyKey', b.idempotency_key,
           'idempotencyKeyExpiresAt', b.idempotency_key_expires_at))
       || jsonb_build_object('options', b.options) as data
from engine.batch as b;

comment on view engine.batch_data is 'Batches as people see them';
