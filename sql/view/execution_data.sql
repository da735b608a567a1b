-- A snapshot as a worker reads it, without its completed waitpoints, which only the latest snapshot returns. Times are in
-- UTC here, whatever the reader's time zone.
create view engine.execution_data as
select s.shard,
       s.run_id,
       s.ordinal,
       s.id as snapshot_id,
       s.is_valid,
       jsonb_strip_nulls(jsonb_build_object(
           'version', '1',
           'snapshot', jsonb_build_object(
                'id', s.id,
                'friendlyId', 'snapshot_' || s.id,
                'executionStatus', s.execution_status,
                'description', s.description,
                'createdAt', u.created_at),
           'run', jsonb_build_object(
                'id', s.run_id,
                'friendlyId', 'run_' || s.run_id,
                'status', s.run_status,
                'attemptNumber', s.attempt_number),
           'batch', case when s.batch_id is not null then jsonb_build_object(
                'id', s.batch_id, 'friendlyId', 'batch_' || s.batch_id) end,
           'checkpoint', (
                select k.entry
                from engine.checkpoint_entry as k
                where k.shard = s.shard and k.id = s.checkpoint_id))) as data
from engine.unfiltered_history as s
cross join lateral (select (to_jsonb(s.created_at at time zone 'UTC') #>> '{}') || '+00:00' as created_at) as u;

comment on view engine.execution_data is 'Snapshots as workers read them';
