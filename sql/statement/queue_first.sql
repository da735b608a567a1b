-- When the first visible item that is not ahead of its time became available.
-- :worker_queue text
-- :environment_id text
-- :low timestamptz: time to begin at
-- -> available_at timestamptz
-- Locks: none. Index: queue_item_order.
select q.available_at
from engine.queue_item as q
where q.worker_queue = :worker_queue and q.environment_id = :environment_id and not q.is_filed and not q.is_ahead
  and q.available_at >= :low
order by q.available_at
limit 1
