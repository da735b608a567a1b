-- Locks a schedule and reads it.
-- :id text
-- Locks: the schedule's row, waiting for a tick that makes its run. Index: schedule_pkey.
select s.id, s.environment_id, s.task, s.cron, s.timezone, s.spread_window, s.is_active, s.external_id, s.payload, s.options,
       s.phase, s.last_nominal_at, s.next_nominal_at, s.next_effective_at, s.next_at
from engine.schedule as s
where s.id = :id
for update
