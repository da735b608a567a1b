-- Items of runs whose time to live has passed.
-- $1 smallint shard, $2 timestamptz now, $3 integer how many
-- Locks: none. Index: queue_item_expiry.
select q.run_id
from engine.queue_item as q
where q.shard = $1 and q.expires_at <= $2
order by q.expires_at
limit $3
