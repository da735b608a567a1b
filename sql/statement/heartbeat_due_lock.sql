-- Picks the deadlines that the tick must check, of all shards that are served, and locks them.
-- :now timestamptz
-- :max_items integer: most rows
-- :low timestamptz: time before which no row is live
-- :unserved smallint[]: shards that are left alone
-- -> shard smallint, run_id text, is_alive boolean
-- Locks: deadlines, SKIP LOCKED: ticks never wait, neither for each other nor for a pending beat. A beat can no longer move
-- a deadline that is locked here.
-- Index: heartbeat_check.
select h.shard, h.run_id, h.deadline_at > :now as is_alive
from engine.heartbeat as h
where h.check_at >= :low and h.check_at <= :now and h.shard <> all (:unserved)
order by h.check_at
limit :max_items
for update skip locked
