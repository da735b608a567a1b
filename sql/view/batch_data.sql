-- A batch as people see it, without its items. Times are in UTC here, whatever the reader's time zone.
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
           'sealedAt', u.sealed_at,
           'processingCompletedAt', u.sealed_at,
           'completedAt', u.completed_at,
           'createdAt', u.created_at,
           'parentRunId', 'run_' || b.parent_run_id,
           'resumeParentOnCompletion', b.resume_parent,
           'idempotencyKey', b.idempotency_key,
           'idempotencyKeyExpiresAt', u.idempotency_key_expires_at))
       || jsonb_build_object('options', b.options) as data
from engine.batch as b
cross join lateral (
    select (to_jsonb(b.sealed_at at time zone 'UTC') #>> '{}') || '+00:00' as sealed_at,
           (to_jsonb(b.completed_at at time zone 'UTC') #>> '{}') || '+00:00' as completed_at,
           (to_jsonb(b.created_at at time zone 'UTC') #>> '{}') || '+00:00' as created_at,
           (to_jsonb(b.idempotency_key_expires_at at time zone 'UTC') #>> '{}') || '+00:00' as idempotency_key_expires_at
) as u;

comment on view engine.batch_data is 'Batches as people see them';
