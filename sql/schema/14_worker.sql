-- Cold: one row per registered version of a worker.
create table engine.worker (
    environment_id text collate "C" not null,
    version        text collate "C" not null,
    is_current     boolean not null,
    registered_at  timestamptz not null,
    image          text,
    tasks          jsonb not null,
    queues         text[] not null,
    constraint worker_pkey primary key (environment_id, version)
);

create unique index worker_current on engine.worker (environment_id) where is_current;

-- In development the version that registered last executes all runs.
create index worker_newest on engine.worker (environment_id, registered_at);

comment on table engine.worker is 'Registered versions of workers, with their tasks and queues';
comment on column engine.worker.is_current is 'Whether it executes runs that are not bound to another version';
comment on column engine.worker.image is 'The image that it starts from; required except in development';
comment on column engine.worker.tasks is 'By the name of the task: retry, machine, maxDuration, ttl';
comment on column engine.worker.queues is 'Queues that it knows, besides those named after its tasks';

-- Parked runs: a row is inserted when the run is parked, and deleted when it is promoted or ends.
create table engine.parked (
    shard          smallint not null,
    run_id         text collate "C" not null,
    environment_id text collate "C" not null,
    created_at     timestamptz not null,
    expires_at     timestamptz,
    constraint parked_pkey primary key (shard, run_id)
);

-- Runs are promoted in the order in which they were triggered.
create index parked_environment on engine.parked (shard, environment_id, created_at, run_id);

-- The tick expires parked runs whose time to live has passed. Those without one are not in this index.
create index parked_expiry on engine.parked (expires_at) where expires_at is not null;

comment on table engine.parked is 'Runs that wait for a version: exactly one row per run whose execution status is RUN_CREATED';
comment on column engine.parked.created_at is 'When the run was triggered';
comment on column engine.parked.expires_at is 'When its time to live has passed, as its queue item said; null if it has none, or its due time was moved since';
