-- Deletes lanes without items, and the releases for them. A separate statement after lane_unfile: removing the items in the
-- same one would still see them.
-- :shard smallint
-- :environment_id text
-- :queues text[]
-- :concurrency_keys text[]: concurrency key of each lane
-- Locks: lanes, releases; the lanes are held. Index: lane_pkey, queue_item_lane, release_environment.
with empty as (
    delete from engine.lane as l
    using unnest(:queues, :concurrency_keys) as g(queue, concurrency_key)
    where l.shard = :shard and l.environment_id = :environment_id and l.queue = g.queue and l.concurrency_key = g.concurrency_key
      and not exists (
        select from engine.queue_item as i
        where i.shard = :shard and i.environment_id = :environment_id and i.queue = g.queue and i.concurrency_key = g.concurrency_key
          and i.is_filed)
    returning l.queue, l.concurrency_key
)
delete from engine.release as r
using empty as e
where r.environment_id = :environment_id and r.queue = e.queue and r.concurrency_key = e.concurrency_key
