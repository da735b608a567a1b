-- The shards of this database that have environments, in order. Each step jumps to the next one in the index.
-- -> shard smallint
-- Locks: none. Index: environment_by_shard.
with recursive used as (
    (select e.shard
     from engine.environment as e
     order by e.shard
     limit 1)
    union all
    select (
        select e.shard
        from engine.environment as e
        where e.shard > u.shard
        order by e.shard
        limit 1)
    from used as u
    where u.shard is not null
)
select u.shard
from used as u
where u.shard is not null
union
select 0::smallint
order by 1
