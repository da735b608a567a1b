-- The runs among these locked ones with a pending waitpoint. Reads from the latest waitpoint back: of many children the
-- youngest usually ends last, so that one lookup is mostly enough.
-- :shard smallint
-- :run_ids text[]
-- -> run_id text
-- `offset 0` keeps the join a lookup per edge: the planner would merge both tables completely.
-- Locks: none. Index: edge_pkey backwards, waitpoint_pkey.
select g.run_id
from unnest(:run_ids) as g(run_id)
cross join lateral (
    select
    from engine.edge as e
    cross join lateral (
        select
        from engine.waitpoint as w
        where w.shard = :shard and w.id = e.waitpoint_id and w.status = 'PENDING'
        offset 0
    ) as w
    where e.shard = :shard and e.run_id = g.run_id
    order by e.waitpoint_id desc, e.batch_index desc
    limit 1
) as p
