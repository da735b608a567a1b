-- Runs that ended neither successfully nor by a cancel, so that failures are found without the others. A row is written when its run
-- fails, and leaves with the run, or when the run is redriven. Runs that succeed write nothing here.
create table engine.failure (
    failed_at        timestamptz not null,
    triggered_at     timestamptz not null,
    run_status       engine.run_status not null,
    shard            smallint not null,
    is_dead_lettered boolean not null,
    run_id           text collate "C" not null,
    environment_id   text collate "C" not null,
    task             text not null,
    queue            text collate "C" not null,
    concurrency_key  text collate "C",
    version          text,
    error_code       text,
    fingerprint      text collate "C" not null,
    message          text not null,
    constraint failure_pkey primary key (shard, run_id)
);

-- What failed last in an environment.
create index failure_environment on engine.failure (shard, environment_id, failed_at);

comment on table engine.failure is 'Runs that failed, with what their errors have in common; view engine.failed_run';
comment on column engine.failure.failed_at is 'When the run ended';
comment on column engine.failure.version is 'The version that executed it, or that it was bound to';
comment on column engine.failure.error_code is 'The code of its error, its name, or else its type; null for no error';
comment on column engine.failure.fingerprint is 'The message without numbers, ids, quoted texts, addresses and paths, cut';
comment on column engine.failure.message is 'The first line of the message, cut';
