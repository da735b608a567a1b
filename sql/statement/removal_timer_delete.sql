-- Deletes timers about runs, waitpoints or batches, except those that another session has locked.
-- :shard smallint
-- :kinds text[]
-- :ids text[]: of the runs, waitpoints or batches
-- Locks: the timers' rows, SKIP LOCKED: the tick that holds one finds that it is about nothing. Index: timer_pkey.
delete from engine.timer as t
using (
    select o.kind, o.id
    from unnest(:ids) as g(id)
    cross join unnest(:kinds) as k(kind)
    cross join lateral (
        select o.kind, o.id
        from engine.timer as o
        where o.shard = :shard and o.kind = k.kind and o.id >= g.id and o.id < g.id || '0'
          and (o.id = g.id or o.id > g.id || '/')
        for update skip locked
    ) as o
) as o
where t.shard = :shard and t.kind = o.kind and t.id = o.id
