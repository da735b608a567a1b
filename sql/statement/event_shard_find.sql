-- The shards of this database, in order.
-- Locks: none. Reads every environment.
select e.shard
from engine.environment as e
union
select 0::smallint
order by 1
