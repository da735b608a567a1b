-- Deletes timers about runs, waitpoints or batches, except those that another session has locked. A timer is named by its
-- subject, or by that and what follows a slash.
-- :shard smallint
-- :kinds text[]
-- :ids text[]: of the runs, waitpoints or batches
-- Two array elements per span: the subjects lie in these, and few others do.
-- :first_id text[]
-- :last_id text[]
-- Locks: the timers' rows, SKIP LOCKED: the tick that holds one finds that it is about nothing. Index: timer_pkey.
delete from engine.timer as t
using (
    select o.kind, o.id
    from (
        select f.kind, f.id
        from unnest(:first_id, :last_id) as g(first_id, last_id)
        cross join unnest(:kinds) as k(kind)
        cross join lateral (
            select o.kind, o.id
            from engine.timer as o
            where o.shard = :shard and o.kind = k.kind and o.id >= g.first_id and o.id < g.last_id || '0'
            offset 0
        ) as f
        where split_part(f.id, '/', 1) in (select n.id from unnest(:ids) as n(id))
        offset 0
    ) as f
    cross join lateral (
        select o.kind, o.id
        from engine.timer as o
        where o.shard = :shard and o.kind = f.kind and o.id = f.id
        for update skip locked
    ) as o
    offset 0
) as o
where t.shard = :shard and t.kind = o.kind and t.id = o.id
