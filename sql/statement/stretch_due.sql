-- The stretch that is due first, and where it ends: '~' is behind every id. Before the first look at a shard one stretch has all
-- its runs. What is on a shard that is not served is left alone.
-- :shards smallint[]: shards at which no look may have been taken yet
-- :due_before timestamptz
-- :looked_before timestamptz
-- :unserved smallint[]: shards that are left alone
-- -> shard smallint, first_id text, end_id text
-- Locks: none; the sweep holds its own. Index: stretch_due, stretch_pkey.
select d.shard, d.first_id,
       coalesce((
           select n.first_id
           from engine.stretch as n
           where n.shard = d.shard and n.first_id > d.first_id
           order by n.first_id
           limit 1
       ), '~') as end_id
from (
    (
        select t.shard, t.first_id
        from engine.stretch as t
        where t.due_at <= :due_before and t.looked_at < :looked_before and t.shard <> all (:unserved)
        order by t.due_at
        limit 1
    )
    union all
    select g.shard, ''
    from unnest(:shards) as g(shard)
    where not exists (select from engine.stretch as t where t.shard = g.shard)
    limit 1
) as d
