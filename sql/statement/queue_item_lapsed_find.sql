-- Queued and parked runs of all shards that are served, whose time to live has passed.
-- :now timestamptz
-- :max_items integer: most rows
-- :unserved smallint[]: shards that are left alone
-- -> shard smallint, run_id text
-- Locks: none. Index: queue_item_expiry, parked_expiry.
select l.shard, l.run_id
from (
    (select q.shard, q.run_id, q.expires_at
     from engine.queue_item as q
     where q.expires_at <= :now and q.shard <> all (:unserved)
     order by q.expires_at
     limit :max_items)
    union all
    (select p.shard, p.run_id, p.expires_at
     from engine.parked as p
     where p.expires_at <= :now and p.shard <> all (:unserved)
     order by p.expires_at
     limit :max_items)
) as l
order by l.expires_at
limit :max_items
