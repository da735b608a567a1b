-- Deletes the checkpoints of runs.
-- :shard smallint
-- :run_ids text[]
-- Two array elements per span: the runs lie in these, and few others do.
-- :first_id text[]
-- :last_id text[]
-- Locks: the rows, which no session locks. Index: checkpoint_run.
delete from engine.checkpoint as k
where k.ctid = any (array(
    select o.ctid
    from unnest(:first_id, :last_id) as g(first_id, last_id)
    cross join lateral (
        select o.ctid, o.run_id
        from engine.checkpoint as o
        where o.shard = :shard and o.run_id >= g.first_id and o.run_id <= g.last_id
        offset 0
    ) as o
    where o.run_id in (select n.run_id from unnest(:run_ids) as n(run_id))))
