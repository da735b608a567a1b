-- Deletes runs and their states.
-- :shard smallint
-- :run_ids text[]
-- Two array elements per span: the runs lie in these, and few others do.
-- :first_id text[]
-- :last_id text[]
-- Locks: run states held by removal_lock; the runs' rows. Index: run_pkey, run_state_pkey.
with run as (
    delete from engine.run as r
    where r.ctid = any (array(
        select o.ctid
        from unnest(:first_id, :last_id) as g(first_id, last_id)
        cross join lateral (
            select o.ctid, o.id
            from engine.run as o
            where o.shard = :shard and o.id >= g.first_id and o.id <= g.last_id
            offset 0
        ) as o
        where o.id in (select n.run_id from unnest(:run_ids) as n(run_id))))
    returning r.environment_id, octet_length(r.payload) as bytes
), given_back as (
    insert into engine.quota_return (environment_id, bytes)
    select r.environment_id, sum(r.bytes)
    from run as r
    join engine.quota as q on q.environment_id = r.environment_id
    where q.kept_bytes is not null
    group by r.environment_id
)
delete from engine.run_state as s
where s.ctid = any (array(
    select o.ctid
    from unnest(:first_id, :last_id) as g(first_id, last_id)
    cross join lateral (
        select o.ctid, o.run_id
        from engine.run_state as o
        where o.shard = :shard and o.run_id >= g.first_id and o.run_id <= g.last_id
        offset 0
    ) as o
    where o.run_id in (select n.run_id from unnest(:run_ids) as n(run_id))))
