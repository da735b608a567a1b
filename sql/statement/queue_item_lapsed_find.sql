-- Queued and parked runs whose time to live has passed.
-- :shard smallint
-- :now timestamptz
-- :max_items integer: most rows
-- -> run_id text
-- Locks: none. Index: queue_item_expiry, parked_expiry.
select l.run_id
from (
    (select q.run_id, q.expires_at
     from engine.queue_item as q
     where q.shard = :shard and q.expires_at <= :now
     order by q.expires_at
     limit :max_items)
    union all
    (select p.run_id, p.expires_at
     from engine.parked as p
     where p.shard = :shard and p.expires_at <= :now
     order by p.expires_at
     limit :max_items)
) as l
order by l.expires_at
limit :max_items
