-- The greatest position of an event that was removed.
-- :of_shard smallint: of this shard, NULL for all
-- :away smallint[]: shards that are left out of all
-- -> position bigint
-- Locks: none. Index: none, it has a row per shard.
select coalesce(max(h.position), 0) as position
from engine.event_horizon as h
where coalesce(h.shard = :of_shard, h.shard <> all (:away))
