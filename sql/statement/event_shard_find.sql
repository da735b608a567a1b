-- The shards of this database, in order.
-- -> shard smallint
-- Locks: none. Reads every environment.
select e.shard
from engine.environment as e
union
select 0::smallint
order by 1
