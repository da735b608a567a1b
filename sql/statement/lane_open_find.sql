-- Lanes whose queue no longer has a limit.
-- :shard smallint
-- :environment_id text
-- :limited_queues text[]: queues with a limit
-- :limits_others boolean: whether all other queues have one
-- :max_lanes integer: most rows
-- -> queue text, concurrency_key text
-- Locks: none. Index: lane_pkey.
select distinct l.queue, l.concurrency_key
from engine.lane as l
where l.shard = :shard and l.environment_id = :environment_id and not (:limits_others or l.queue = any (:limited_queues))
limit :max_lanes
