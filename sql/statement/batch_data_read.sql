-- A batch as callers see it, with its items.
-- :shard smallint
-- :batch_id text
-- :environment_id text: environment id or null for any
-- -> data jsonb
-- Locks: none. Index: batch_pkey, batch_item_pkey.
select d.data
       || jsonb_build_object(
           'runs', coalesce(
               (select jsonb_agg('run_' || i.run_id order by i.item_index)
                from engine.batch_item as i
                where i.shard = :shard and i.batch_id = :batch_id and i.error is null), '[]'),
           'failures', coalesce(
               (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                           'index', i.item_index,
                           'taskIdentifier', i.request -> 'task',
                           'runId', 'run_' || i.run_id,
                           'error', i.error,
                           'errorCode', i.error_code))
                           || jsonb_build_object('request', i.request) order by i.item_index)
                from engine.batch_item as i
                where i.shard = :shard and i.batch_id = :batch_id and i.error is not null), '[]')) as data
from engine.batch_data as d
where d.shard = :shard and d.id = :batch_id and (:environment_id::text is null or d.environment_id = :environment_id)
