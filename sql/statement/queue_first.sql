-- When the first visible item that is not ahead of its time became available.
-- $1 smallint shard, $2 text worker queue, $3 text environment id, $4 timestamptz from when on to look
-- Locks: none. Index: queue_item_claim.
select q.available_at
from engine.queue_item as q
where q.shard = $1 and q.worker_queue = $2 and q.environment_id = $3 and not q.is_filed and not q.is_ahead
  and q.available_at >= $4
order by q.available_at
limit 1
