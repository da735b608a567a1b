-- The stretch that is due first, and where it ends: '~' is behind every id. Before the first look one stretch has all runs.
-- :shard smallint
-- :due_before timestamptz
-- :looked_before timestamptz
-- -> first_id text, end_id text
-- Locks: none; the sweep holds its own. Index: stretch_due, stretch_pkey.
select d.first_id,
       coalesce((
           select n.first_id
           from engine.stretch as n
           where n.shard = :shard and n.first_id > d.first_id
           order by n.first_id
           limit 1
       ), '~') as end_id
from (
    (
        select t.first_id
        from engine.stretch as t
        where t.shard = :shard and t.due_at <= :due_before and t.looked_at < :looked_before
        order by t.due_at
        limit 1
    )
    union all
    select ''
    where not exists (select from engine.stretch as t where t.shard = :shard)
    limit 1
) as d
