-- Makes dequeues look at closed lanes again, as the release of a slot does: this only adds rows, and never waits.
-- :shard smallint
-- :environment_id text
-- :queue text: queue or null for every queue of the environment
-- :max_lanes bigint: most rows, null for all
-- Locks: none. Index: lane_pkey.
insert into engine.release (shard, environment_id, queue, concurrency_key)
select :shard, :environment_id, l.queue, l.concurrency_key
from engine.lane as l
where l.shard = :shard and l.environment_id = :environment_id and (:queue::text is null or l.queue = :queue) and not l.is_open
limit :max_lanes
