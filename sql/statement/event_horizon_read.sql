-- The greatest position of an event that was removed.
-- -> position bigint
-- Locks: none. Index: none, it has a row per shard.
select coalesce(max(h.position), 0) as position
from engine.event_horizon as h
