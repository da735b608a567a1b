-- The floor of the guard: tables as wide as those that a run needs, with the indexes of 0.1.0. They never change, so that the
-- floor stays where it is.
create schema floor;

create type floor.status as enum (
    'RUN_CREATED', 'QUEUED', 'PENDING_EXECUTING', 'EXECUTING', 'FINISHED', 'PENDING', 'COMPLETED');

create type floor.transition as enum ('TRIGGERED', 'DEQUEUED', 'STARTED', 'COMPLETED');

create table floor.run (
    shard                smallint not null,
    id                   text collate "C" not null,
    environment_id       text collate "C" not null,
    environment_type     floor.status not null,
    project_id           text,
    organization_id      text,
    task                 text not null,
    payload              text not null,
    payload_type         text not null,
    queue                text collate "C" not null,
    worker_queue         text collate "C" not null,
    concurrency_key      text collate "C",
    priority_ms          bigint not null,
    queue_timestamp      timestamptz not null,
    max_attempts         integer check (max_attempts > 0),
    max_duration_seconds integer check (max_duration_seconds > 0),
    machine              text,
    retry                jsonb,
    tags                 text[] not null,
    metadata             jsonb,
    is_test              boolean not null,
    trace_context        jsonb,
    annotations          jsonb,
    replayed_from        text collate "C",
    parent_run_id        text collate "C",
    root_run_id          text collate "C",
    depth                integer not null,
    batch_id             text collate "C",
    created_at           timestamptz not null,
    resume_parent        boolean not null,
    primary key (shard, id)
);

create index on floor.run (shard, parent_run_id) where parent_run_id is not null;

create table floor.run_state (
    shard             smallint not null,
    run_id            text collate "C" not null,
    run_status        floor.status not null,
    execution_status  floor.status not null,
    snapshot_id       text collate "C" not null,
    snapshot_ordinal  integer not null check (snapshot_ordinal > 0),
    attempt_number    integer,
    max_attempts      integer,
    queue_attempts    integer not null default 0,
    usage_duration_ms integer not null default 0,
    cost_in_cents     double precision not null default 0,
    has_waitpoint     boolean not null default false,
    machine           text,
    retry             jsonb,
    started_at        timestamptz,
    dequeued_at       timestamptz,
    executed_at       timestamptz,
    completed_at      timestamptz,
    output            text,
    output_type       text,
    error             jsonb,
    updated_at        timestamptz not null,
    version           text,
    primary key (shard, run_id)
) with (fillfactor = 50);

create table floor.snapshot (
    shard                smallint not null,
    ordinal              integer not null,
    run_id               text collate "C" not null,
    id                   text collate "C" not null,
    previous_snapshot_id text collate "C",
    transition           floor.transition not null,
    execution_status     floor.status not null,
    run_status           floor.status not null,
    attempt_number       integer,
    position             bigint not null,
    horizon              bigint not null,
    created_at           timestamptz not null,
    description          text not null,
    error                text,
    is_valid             boolean not null generated always as (error is null) stored,
    batch_id             text collate "C",
    worker_id            text,
    runner_id            text,
    metadata             jsonb,
    detail               jsonb,
    primary key (shard, run_id, ordinal)
);

create index on floor.snapshot using brin (position) with (autosummarize = on, pages_per_range = 32);

create sequence floor.position;

create table floor.queue_item (
    shard           smallint not null,
    is_filed        boolean not null default false,
    is_ahead        boolean not null,
    is_sized        boolean not null default false,
    run_id          text collate "C" not null,
    available_at    timestamptz not null,
    environment_id  text collate "C" not null,
    worker_queue    text collate "C" not null,
    queue           text collate "C" not null,
    concurrency_key text collate "C" not null,
    expires_at      timestamptz,
    primary key (shard, run_id)
);

create index on floor.queue_item (shard, worker_queue, environment_id, is_ahead, available_at, run_id) where not is_filed;

create index on floor.queue_item (shard, expires_at) where expires_at is not null;

create table floor.heartbeat (
    shard           smallint not null,
    holds_slot      boolean not null,
    is_counted      boolean not null,
    is_noted        boolean not null,
    run_id          text collate "C" not null,
    snapshot_id     text collate "C" not null,
    interval_ms     bigint not null check (interval_ms > 0),
    deadline_at     timestamptz not null,
    check_at        timestamptz not null,
    acquired_at     timestamptz not null,
    environment_id  text collate "C" not null,
    queue           text collate "C" not null,
    concurrency_key text collate "C" not null,
    primary key (shard, run_id)
) with (fillfactor = 70);

create index on floor.heartbeat (shard, check_at);
