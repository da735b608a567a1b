-- Writes a schedule.
-- $1 text id, $2 smallint shard, $3 text environment id, $4 text task, $5 text cron, $6 text time zone, $7 text window,
-- $8 boolean active, $9 text external id, $10 jsonb payload, $11 jsonb options, $12 integer phase,
-- $13 timestamptz next tick, $14 timestamptz when its run may be claimed, $15 timestamptz when its run is made,
-- $16 timestamptz now
-- Locks: the schedule's row. Index: schedule_pkey, schedule_due.
insert into engine.schedule as s (
    id, shard, environment_id, task, cron, timezone, spread_window, is_active, external_id, payload, options, phase,
    next_nominal_at, next_effective_at, next_at, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
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
