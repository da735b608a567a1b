-- Deletes the records of the waits of runs; returns the waitpoints that they name.
-- :shard smallint
-- :run_ids text[]
-- Two array elements per span: the runs lie in these, and few others do.
-- :first_id text[]
-- :last_id text[]
-- -> waitpoint_id text
-- Locks: the rows, which no session locks. Index: waitpoint_history_run.
with history as (
    delete from engine.waitpoint_history as h
    where h.ctid = any (array(
        select o.ctid
        from unnest(:first_id, :last_id) as g(first_id, last_id)
        cross join lateral (
            select o.ctid, o.run_id
            from engine.waitpoint_history as o
            where o.shard = :shard and o.run_id >= g.first_id and o.run_id <= g.last_id
            offset 0
        ) as o
        where o.run_id in (select n.run_id from unnest(:run_ids) as n(run_id))))
    returning h.waitpoint_id
)
select distinct h.waitpoint_id
from history as h
