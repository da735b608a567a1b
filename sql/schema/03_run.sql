-- What a run was asked to be: written once by its trigger, never updated.
create table engine.run (
    shard                smallint not null,
    id                   text collate "C" not null,
    environment_id       text not null,
    environment_type     engine.environment_type not null,
    project_id           text,
    organization_id      text,
    task                 text not null,
    payload              text not null,
    payload_type         text not null,
    queue                text not null,
    worker_queue         text not null,
    concurrency_key      text,
    priority_ms          bigint not null,
    queue_timestamp      timestamptz not null,
    max_attempts         integer check (max_attempts > 0),
    max_duration_seconds integer check (max_duration_seconds > 0),
    machine              text,
    tags                 text[] not null,
    metadata             jsonb,
    is_test              boolean not null,
    trace_context        jsonb,
    annotations          jsonb,
    replayed_from        text,
    created_at           timestamptz not null,
    constraint run_pkey primary key (shard, id)
);

comment on table engine.run is 'A run as it was triggered; what becomes of it is in engine.run_state and engine.snapshot';
comment on column engine.run.id is 'Without its prefix: users see it as run_<id>';
comment on column engine.run.priority_ms is 'Milliseconds by which the run goes ahead of its queue timestamp';
comment on column engine.run.queue_timestamp is 'The place in the queue before priority; kept when the run resumes';

-- What a run is now. Narrow, updated in place: no index but the primary key, and room on the page, keep updates HOT.
create table engine.run_state (
    shard             smallint not null,
    run_id            text collate "C" not null,
    run_status        engine.run_status not null,
    execution_status  engine.execution_status not null,
    snapshot_id       text collate "C" not null,
    snapshot_ordinal  integer not null check (snapshot_ordinal > 0),
    attempt_number    integer check (attempt_number > 0),
    max_attempts      integer,
    queue_attempts    integer not null default 0,
    machine           text,
    started_at        timestamptz,
    dequeued_at       timestamptz,
    executed_at       timestamptz,
    completed_at      timestamptz,
    is_warm_start     boolean,
    usage_duration_ms integer not null default 0,
    output            text,
    output_type       text,
    error             jsonb,
    updated_at        timestamptz not null,
    constraint run_state_pkey primary key (shard, run_id)
) with (fillfactor = 70);

comment on table engine.run_state is 'What a run is now: one row per run, locked by every operation on the run';
comment on column engine.run_state.snapshot_id is 'The latest snapshot, and with it the fencing token';
comment on column engine.run_state.snapshot_ordinal is 'Ordinal of the latest snapshot within the run';
comment on column engine.run_state.attempt_number is 'The attempt that last started; null before the first';
comment on column engine.run_state.max_attempts is 'Resolved when the run is dequeued';
comment on column engine.run_state.queue_attempts is 'How often the run came back into its queue unfinished';
comment on column engine.run_state.started_at is 'First dequeue';
comment on column engine.run_state.dequeued_at is 'Latest dequeue; null if the run was never dequeued';
comment on column engine.run_state.executed_at is 'Start of the first attempt';
