-- Deletes the notices of runs; returns the position of the last event of them, null if there was none.
-- :shard smallint
-- :run_ids text[]
-- Two array elements per span: the runs lie in these, and few others do.
-- :first_id text[]
-- :last_id text[]
-- -> last_position bigint null
-- Locks: the rows, which no session locks. Index: notice_run.
with notice as (
    delete from engine.notice as n
    where n.ctid = any (array(
        select o.ctid
        from unnest(:first_id, :last_id) as g(first_id, last_id)
        cross join lateral (
            select o.ctid, o.run_id
            from engine.notice as o
            where o.shard = :shard and o.run_id >= g.first_id and o.run_id <= g.last_id
            offset 0
        ) as o
        where o.run_id in (select n.run_id from unnest(:run_ids) as n(run_id))))
    returning n.position
)
select max(n.position) * 8 as last_position
from notice as n
