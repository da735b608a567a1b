-- Waitpoints of all shards, in the order of shards and ids, and when each was completed of those of a time or a caller for which
-- no run has waited that is left.
-- :after_shard smallint
-- :after_id text: behind this one of that shard
-- :max_items integer: most rows
-- -> shard smallint, id text, environment_id text, environment_type text, ended_at timestamptz null
-- Locks: none. Index: waitpoint_pkey, waitpoint_history_pkey, environment_pkey.
select w.shard, w.id, w.environment_id, coalesce(e.type, 'PRODUCTION')::text as environment_type,
       case when w.completed_by_run_id is null and w.completed_by_batch_id is null
                 and not exists (
                     select from engine.waitpoint_history as h where h.shard = w.shard and h.waitpoint_id = w.id)
           then w.completed_at
       end as ended_at
from (
    select w.*
    from engine.waitpoint as w
    where (w.shard, w.id) > (:after_shard, :after_id)
    order by w.shard, w.id
    limit :max_items
) as w
left join engine.environment as e on e.id = w.environment_id
order by w.shard, w.id
