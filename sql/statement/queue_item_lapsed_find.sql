-- Runs that have waited too long, in their queues or for a version.
-- $1 smallint shard, $2 timestamptz now, $3 integer how many
-- Locks: none. Index: queue_item_expiry, parked_expiry.
select l.run_id
from (
    (select q.run_id, q.expires_at
     from engine.queue_item as q
     where q.shard = $1 and q.expires_at <= $2
     order by q.expires_at
     limit $3)
    union all
    (select p.run_id, p.expires_at
     from engine.parked as p
     where p.shard = $1 and p.expires_at <= $2
     order by p.expires_at
     limit $3)
) as l
order by l.expires_at
limit $3
