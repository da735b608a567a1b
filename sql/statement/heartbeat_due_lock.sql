-- Picks the deadlines that the tick must check, and locks them.
-- $1 smallint shard, $2 timestamptz now, $3 integer how many, $4 timestamptz before which nothing is alive
-- Locks: deadlines, SKIP LOCKED: ticks never wait, neither for each other nor for a pending beat. A beat can no longer move
-- a deadline that is locked here.
-- Index: heartbeat_check.
select h.run_id, h.deadline_at > $2 as is_alive
from engine.heartbeat as h
where h.shard = $1 and h.check_at >= $4 and h.check_at <= $2
order by h.check_at
limit $3
for update skip locked
