-- Those of these locked runs that have waited too long, with how long they might: the item that was found may have made room
-- for another one before the run was locked.
-- $1 smallint shard, $2 timestamptz now, $3 text[] run ids
-- Locks: none; the runs are locked. Index: queue_item_pkey, parked_pkey, run_pkey.
select l.run_id, l.ttl
from (
    select g.run_id,
           (select r.ttl from engine.run as r where r.shard = $1 and r.id = g.run_id) as ttl,
           coalesce(
               (select q.expires_at from engine.queue_item as q where q.shard = $1 and q.run_id = g.run_id),
               (select p.expires_at from engine.parked as p where p.shard = $1 and p.run_id = g.run_id)) as expires_at
    from unnest($3) as g(run_id)
) as l
where l.expires_at <= $2 and l.ttl is not null
