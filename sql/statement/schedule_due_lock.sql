-- Picks the due schedules of all shards that are served, and locks them.
-- :now timestamptz
-- :max_items integer: most rows
-- :unserved smallint[]: shards that are left alone
-- -> the columns in columns/schedule.sql
-- Locks: schedules, SKIP LOCKED: of several ticks one makes the run. A schedule that was advanced since this statement began
-- is read again after its lock is held, and is no longer due.
-- Index: schedule_due.
select :columns
from engine.schedule as s
where s.next_at <= :now and s.shard <> all (:unserved)
order by s.next_at
limit :max_items
for update skip locked
