-- The completed waitpoints that a run carries now, or that one of its snapshots carried, as callers see them: one row per position
-- in their order, and one without an index for a waitpoint that has no position. Read it for one run or snapshot at a time.
-- Times are in UTC here, whatever the reader's time zone.
create view engine.carried_waitpoint as
select s.shard,
       s.run_id,
       s.ordinal,
       s.is_state,
       p.index,
       jsonb_strip_nulls(jsonb_build_object(
           'id', w.id,
           'friendlyId', 'waitpoint_' || w.id,
           'type', w.type,
           'index', p.index,
           'completedAt', u.completed_at,
           'idempotencyKey', case when w.user_provided_idempotency_key and w.inactive_idempotency_key is null
                                  then w.idempotency_key end,
           'completedByTaskRun', case when w.completed_by_run_id is not null then jsonb_build_object(
                'id', w.completed_by_run_id,
                'friendlyId', 'run_' || w.completed_by_run_id,
                'batch', case when s.batch_id is not null then jsonb_build_object(
                     'id', s.batch_id, 'friendlyId', 'batch_' || s.batch_id) end) end,
           'completedAfter', u.completed_after,
           'completedByBatch', case when w.completed_by_batch_id is not null then jsonb_build_object(
                'id', w.completed_by_batch_id, 'friendlyId', 'batch_' || w.completed_by_batch_id) end,
           'output', w.output,
           'outputType', w.output_type,
           'outputIsError', w.output_is_error)) as entry
from (
    select p.shard, p.run_id, p.ordinal, false as is_state, p.batch_id, p.created_at, p.completed_waitpoint_ids,
           p.completed_waitpoint_order
    from engine.snapshot as p
    union all
    select t.shard, t.run_id, t.snapshot_ordinal, true, t.batch_id, t.updated_at, t.completed_waitpoint_ids,
           t.completed_waitpoint_order
    from engine.run_state as t
) as s
cross join lateral unnest(s.completed_waitpoint_ids) as c(waitpoint_id)
join engine.waitpoint as w on w.shard = s.shard and w.id = c.waitpoint_id
cross join lateral (
    select (to_jsonb(coalesce(w.completed_at, s.created_at) at time zone 'UTC') #>> '{}') || '+00:00' as completed_at,
           (to_jsonb(w.completed_after at time zone 'UTC') #>> '{}') || '+00:00' as completed_after
) as u
left join lateral (
    select o.position - 1 as index
    from unnest(s.completed_waitpoint_order) with ordinality as o(waitpoint_id, position)
    where o.waitpoint_id = w.id
) as p on true;

comment on view engine.carried_waitpoint is 'Completed waitpoints that runs carry, and that their snapshots carried, one row per position';
