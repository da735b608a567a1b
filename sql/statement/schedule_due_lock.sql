-- Picks the due schedules, and locks them.
-- $1 smallint shard, $2 timestamptz now, $3 integer how many
-- Locks: schedules, SKIP LOCKED: of several ticks one makes the run. A schedule that was advanced since this statement began
-- is read again after its lock is held, and is no longer due.
-- Index: schedule_due.
select s.id, s.environment_id, s.task, s.cron, s.timezone, s.spread_window, s.is_active, s.external_id, s.payload, s.options,
       s.phase, s.last_nominal_at, s.next_nominal_at, s.next_effective_at, s.next_at
from engine.schedule as s
where s.shard = $1 and s.next_at <= $2
order by s.next_at
limit $3
for update skip locked
