-- Picks the due timers of all shards that are served, and locks them.
-- :now timestamptz
-- :max_items integer: most rows
-- :unserved smallint[]: shards that are left alone
-- -> shard smallint, kind text, id text, detail jsonb null
-- Locks: timers, SKIP LOCKED: ticks never wait for each other. Index: timer_due.
select t.shard, t.kind, t.id, t.detail
from engine.timer as t
where t.due_at <= :now and t.shard <> all (:unserved)
order by t.due_at
limit :max_items
for update skip locked
