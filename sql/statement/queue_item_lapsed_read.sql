-- The runs among these locked ones whose time to live has passed, with it: the item that was found may have been replaced by
-- another one before the run was locked.
-- :shard smallint
-- :now timestamptz
-- :run_ids text[]
-- -> run_id text, ttl text
-- Locks: none; the runs are locked. Index: queue_item_pkey, run_pkey.
select q.run_id, r.ttl
from unnest(:run_ids) as g(run_id)
join engine.queue_item as q on q.shard = :shard and q.run_id = g.run_id
join engine.run as r on r.shard = :shard and r.id = g.run_id
where q.expires_at <= :now and r.ttl is not null
