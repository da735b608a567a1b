-- Picks the due schedules, and locks them.
-- :shard smallint
-- :now timestamptz
-- :max_items integer: most rows
-- Locks: schedules, SKIP LOCKED: of several ticks one makes the run. A schedule that was advanced since this statement began
-- is read again after its lock is held, and is no longer due.
-- Index: schedule_due.
select s.id, s.environment_id, s.task, s.cron, s.timezone, s.spread_window, s.is_active, s.external_id, s.payload, s.options,
       s.phase, s.last_nominal_at, s.next_nominal_at, s.next_effective_at, s.next_at
from engine.schedule as s
where s.shard = :shard and s.next_at <= :now
order by s.next_at
limit :max_items
for update skip locked
