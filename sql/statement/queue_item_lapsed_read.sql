-- The runs among these locked ones whose time to live has passed, with it: the item that was found may have been replaced by
-- another one before the run was locked.
-- :shard smallint
-- :now timestamptz
-- :run_ids text[]
-- -> run_id text, ttl text
-- Locks: none; the runs are locked. Index: queue_item_pkey, parked_pkey, run_pkey.
select l.run_id, l.ttl
from (
    select g.run_id,
           (select r.ttl from engine.run as r where r.shard = :shard and r.id = g.run_id) as ttl,
           coalesce(
               (select q.expires_at from engine.queue_item as q where q.shard = :shard and q.run_id = g.run_id),
               (select p.expires_at from engine.parked as p where p.shard = :shard and p.run_id = g.run_id)) as expires_at
    from unnest(:run_ids) as g(run_id)
) as l
where l.expires_at <= :now and l.ttl is not null
