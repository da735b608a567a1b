-- Locks the horizons of shards until the commit, so that no reader begins where a removal is under way.
-- :shards smallint[]: in order
-- :now timestamptz
-- Locks: the rows, in order; waits. Index: event_horizon_pkey.
insert into engine.event_horizon as h (shard, position, moved_at)
select s.shard, 0, :now
from unnest(:shards) as s(shard)
on conflict (shard) do update set position = h.position
