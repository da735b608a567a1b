-- Writes a schedule.
-- :id text
-- :shard smallint
-- :environment_id text
-- :task text
-- :cron text
-- :time_zone text
-- :window text
-- :active boolean
-- :external_id text
-- :payload jsonb
-- :options jsonb
-- :phase integer
-- :next_tick timestamptz
-- :effective_at timestamptz: earliest dequeue of its run
-- :at timestamptz: when its run is made
-- :now timestamptz
-- Locks: the schedule's row. Index: schedule_pkey, schedule_due.
insert into engine.schedule as s (
    id, shard, environment_id, task, cron, timezone, spread_window, is_active, external_id, payload, options, phase,
    next_nominal_at, next_effective_at, next_at, created_at)
values (:id, :shard, :environment_id, :task, :cron, :time_zone, :window, :active, :external_id, :payload, :options, :phase, :next_tick, :effective_at, :at, :now)
on conflict (id) do update
set shard = excluded.shard,
    environment_id = excluded.environment_id,
    task = excluded.task,
    cron = excluded.cron,
    timezone = excluded.timezone,
    spread_window = excluded.spread_window,
    is_active = excluded.is_active,
    external_id = excluded.external_id,
    payload = excluded.payload,
    options = excluded.options,
    phase = excluded.phase,
    next_nominal_at = excluded.next_nominal_at,
    next_effective_at = excluded.next_effective_at,
    next_at = excluded.next_at
