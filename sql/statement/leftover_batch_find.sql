-- Batches of all shards, in the order of shards and ids, and when each ended of those that have no run.
-- :after_shard smallint
-- :after_id text: behind this one of that shard
-- :max_items integer: most rows
-- -> shard smallint, id text, environment_id text, environment_type text, ended_at timestamptz null
-- Locks: none. Index: batch_pkey, run_batch, environment_pkey.
select b.shard, b.id, b.environment_id, coalesce(e.type, 'PRODUCTION')::text as environment_type,
       case when b.status in ('COMPLETED', 'ABORTED')
                 and not exists (select from engine.run as r where r.shard = b.shard and r.batch_id = b.id)
           then coalesce(b.completed_at, b.sealed_at, b.created_at)
       end as ended_at
from (
    select b.*
    from engine.batch as b
    where (b.shard, b.id) > (:after_shard, :after_id)
    order by b.shard, b.id
    limit :max_items
) as b
left join engine.environment as e on e.id = b.environment_id
order by b.shard, b.id
