-- What children of these runs have for a root, and for a depth. A parent that has ended is kept from the sweep until the child is
-- there; one that lives is not removed.
-- :shards smallint[]
-- :run_ids text[]: run ids of the parents, element by element
-- -> id text, root_run_id text, depth integer
-- Locks: states of parents that have ended, FOR KEY SHARE, waiting for a removal that is under way: such a parent is not
-- returned. Root and depth never change. Index: run_pkey, run_state_pkey.
select p.id, coalesce(p.root_run_id, p.id) as root_run_id, p.depth + 1 as depth
from (
    select g.shard, g.run_id
    from unnest(:shards, :run_ids) as g(shard, run_id)
    order by g.shard, g.run_id collate "C"
) as g
cross join lateral (
    select r.id, r.root_run_id, r.depth
    from engine.run as r
    where r.shard = g.shard and r.id = g.run_id
    offset 0
) as p
left join lateral (
    select s.execution_status = 'FINISHED' as has_ended
    from engine.run_state as s
    where s.shard = g.shard and s.run_id = g.run_id
    offset 0
) as s on true
left join lateral (
    select true as is_locked
    from engine.run_state as l
    where l.shard = g.shard and l.run_id = g.run_id and s.has_ended
    for key share
) as l on true
where l.is_locked or s.has_ended is not true
