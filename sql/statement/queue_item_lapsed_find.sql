-- Items of runs whose time to live has passed.
-- :shard smallint
-- :now timestamptz
-- :max_items integer: most rows
-- -> run_id text
-- Locks: none. Index: queue_item_expiry.
select q.run_id
from engine.queue_item as q
where q.shard = :shard and q.expires_at <= :now
order by q.expires_at
limit :max_items
