-- Deletes the history of runs; returns the position of the last event in it, nothing if it had none.
-- :shard smallint
-- :run_ids text[]
-- Two array elements per span: the runs lie in these, and few others do.
-- :first_id text[]
-- :last_id text[]
-- -> last_position bigint null
-- Locks: the rows, which no session locks. Index: snapshot_run.
with snapshot as (
    delete from engine.snapshot as s
    where s.ctid = any (array(
        select o.ctid
        from unnest(:first_id, :last_id) as g(first_id, last_id)
        cross join lateral (
            select o.ctid, o.run_id
            from engine.snapshot as o
            where o.shard = :shard and o.run_id >= g.first_id and o.run_id <= g.last_id
            offset 0
        ) as o
        where o.run_id in (select n.run_id from unnest(:run_ids) as n(run_id))))
    returning s.position, s.transition, s.detail
), last as (
    select s.position, s.transition
    from snapshot as s
    where s.detail is null or not s.detail ? 'isSilent'
    order by s.position desc
    limit 1
)
select l.position * 8 + (select max(k.place) from engine.event_kind as k where k.transition = l.transition) as last_position
from last as l
