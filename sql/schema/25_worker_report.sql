-- What each worker last told of itself, also while it has nothing to do. Updated in place, every ten seconds.
create table engine.worker_report (
    environment_id text collate "C" not null,
    worker_id      text collate "C" not null,
    runner_id      text collate "C" not null,
    worker_queue   text collate "C" not null,
    version        text collate "C",
    capacity       integer not null check (capacity > 0),
    started_at     timestamptz not null,
    reported_at    timestamptz not null,
    forget_at      timestamptz not null,
    constraint worker_report_pkey primary key (environment_id, worker_id, runner_id)
) with (fillfactor = 50);

-- The tick forgets workers that are gone.
create index worker_report_expiry on engine.worker_report (forget_at);

comment on table engine.worker_report is 'Workers, as each last told of itself; view engine.worker_state';
comment on column engine.worker_report.environment_id is 'The environment whose runs it executes; empty for any';
comment on column engine.worker_report.capacity is 'How many runs it holds at once, at most';
comment on column engine.worker_report.started_at is 'When it told of itself first';
comment on column engine.worker_report.forget_at is 'A whole hour, after which the tick forgets it';
