-- Reads a schedule.
-- :id text
-- Locks: none. Index: schedule_pkey.
select s.id, s.environment_id, s.task, s.cron, s.timezone, s.spread_window, s.is_active, s.external_id, s.payload, s.options,
       s.phase, s.last_nominal_at, s.next_nominal_at, s.next_effective_at, s.next_at
from engine.schedule as s
where s.id = :id
