-- A batch as callers see it, with its items.
-- $1 smallint shard, $2 text batch id, $3 text environment id or null for any
-- Locks: none. Index: batch_pkey, batch_item_pkey.
select d.data
       || jsonb_build_object(
           'runs', coalesce(
               (select jsonb_agg('run_' || i.run_id order by i.item_index)
                from engine.batch_item as i
                where i.shard = $1 and i.batch_id = $2 and i.error is null), '[]'),
           'failures', coalesce(
               (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                           'index', i.item_index,
                           'taskIdentifier', i.request -> 'task',
                           'runId', 'run_' || i.run_id,
                           'error', i.error,
                           'errorCode', i.error_code))
                           || jsonb_build_object('request', i.request) order by i.item_index)
                from engine.batch_item as i
                where i.shard = $1 and i.batch_id = $2 and i.error is not null), '[]'))
from engine.batch_data as d
where d.shard = $1 and d.id = $2 and ($3::text is null or d.environment_id = $3)
