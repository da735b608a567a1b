-- One row per schedule. A tick that finds one due makes its run and advances the row, in one transaction: while it holds the
-- row, other ticks skip it.
create table engine.schedule (
    id                text collate "C" primary key,
    shard             smallint not null,
    environment_id    text collate "C" not null,
    task              text not null,
    cron              text not null,
    timezone          text not null,
    spread_window     text,
    is_active         boolean not null,
    external_id       text,
    payload           jsonb,
    options           jsonb,
    phase             integer check (phase >= 0),
    last_nominal_at   timestamptz,
    next_nominal_at   timestamptz,
    next_effective_at timestamptz,
    next_at           timestamptz,
    last_run_id       text collate "C",
    last_error        text,
    created_at        timestamptz not null,
    constraint schedule_next check (num_nulls(next_nominal_at, next_effective_at, next_at) in (0, 3))
);

-- The tick finds due schedules. Inactive ones are not in this index.
create index schedule_due on engine.schedule (next_at) where next_at is not null;

comment on table engine.schedule is 'Schedules: they make runs at the ticks of a cron expression';
comment on column engine.schedule.cron is 'Minute, hour, day of month, month, day of week; optionally preceded by seconds';
comment on column engine.schedule.spread_window is 'How long after its ticks a run may begin: 30m, 2h, 10%';
comment on column engine.schedule.phase is 'Position in its window; kept once it was spread';
comment on column engine.schedule.last_nominal_at is 'The tick of its last run';
comment on column engine.schedule.next_nominal_at is 'The next tick; null while it is not active';
comment on column engine.schedule.next_effective_at is 'Earliest dequeue of the next run';
comment on column engine.schedule.next_at is 'When the next run is made';
comment on column engine.schedule.last_error is 'Why the last tick made no run; null if it made one';
