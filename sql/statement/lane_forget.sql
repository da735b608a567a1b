-- Deletes lanes without items, and the releases for them. A separate statement after lane_unfile: removing the items in the
-- same one would still see them.
-- $1 smallint shard, $2 text environment id, $3 text[] queue and $4 text[] concurrency key of each lane
-- Locks: lanes, releases; the lanes are held. Index: lane_pkey, queue_item_lane, release_environment.
with empty as (
    delete from engine.lane as l
    using unnest($3, $4) as g(queue, concurrency_key)
    where l.shard = $1 and l.environment_id = $2 and l.queue = g.queue and l.concurrency_key = g.concurrency_key
      and not exists (
        select from engine.queue_item as i
        where i.shard = $1 and i.environment_id = $2 and i.queue = g.queue and i.concurrency_key = g.concurrency_key
          and i.is_filed)
    returning l.queue, l.concurrency_key
)
delete from engine.release as r
using empty as e
where r.shard = $1 and r.environment_id = $2 and r.queue = e.queue and r.concurrency_key = e.concurrency_key
