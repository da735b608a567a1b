-- Picks the due timers, and locks them.
-- :shard smallint
-- :now timestamptz
-- :max_items integer: most rows
-- -> kind text, id text, detail jsonb null
-- Locks: timers, SKIP LOCKED: ticks never wait for each other. Index: timer_due.
select t.kind, t.id, t.detail
from engine.timer as t
where t.shard = :shard and t.due_at <= :now
order by t.due_at
limit :max_items
for update skip locked
