-- Picks the due timers, and locks them.
-- $1 smallint shard, $2 timestamptz now, $3 integer how many
-- Locks: timers, SKIP LOCKED: ticks never wait for each other. Index: timer_due.
select t.kind, t.id, t.detail
from engine.timer as t
where t.shard = $1 and t.due_at <= $2
order by t.due_at
limit $3
for update skip locked
