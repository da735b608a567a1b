-- The runs among these locked ones whose time to live has passed, with it: the item that was found may have been replaced by
-- another one before the run was locked.
-- $1 smallint shard, $2 timestamptz now, $3 text[] run ids
-- Locks: none; the runs are locked. Index: queue_item_pkey, run_pkey.
select q.run_id, r.ttl
from unnest($3) as g(run_id)
join engine.queue_item as q on q.shard = $1 and q.run_id = g.run_id
join engine.run as r on r.shard = $1 and r.id = g.run_id
where q.expires_at <= $2 and r.ttl is not null
