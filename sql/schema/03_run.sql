-- The hot tables (run, run_state, snapshot, queue_item, heartbeat) have no CHECK constraints: Postgres parses each from its text
-- for every statement. Core decides what is written, and engine_check() compares.

-- Columns of fixed width come first, the widest first: rows have no bytes of padding. What most runs have is not stored: null
-- stands for it, and costs nothing.

-- The options of a run, written once by its trigger. Only a run that is still delayed changes: its due time, and, with a
-- trailing debounce, the options themselves.
create table engine.run (
    created_at           timestamptz not null,
    queue_timestamp      timestamptz not null,
    priority_ms          bigint,
    delay_until          timestamptz,
    environment_type     engine.environment_type not null,
    depth                integer not null default 0,
    max_attempts         integer,
    max_duration_seconds integer,
    shard                smallint not null,
    is_test              boolean not null,
    resume_parent        boolean not null default false,
    id                   text collate "C" not null,
    environment_id       text collate "C" not null,
    project_id           text,
    organization_id      text,
    task                 text not null,
    payload              text not null,
    payload_type         text,
    queue                text collate "C" not null,
    worker_queue         text collate "C" not null,
    concurrency_key      text collate "C",
    machine              text,
    retry                jsonb,
    tags                 text[],
    metadata             jsonb,
    trace_context        jsonb,
    annotations          jsonb,
    replayed_from        text collate "C",
    parent_run_id        text collate "C",
    root_run_id          text collate "C",
    batch_id             text collate "C",
    ttl                  text,
    idempotency_key      text,
    debounce             jsonb,
    version              text,
    constraint run_pkey primary key (shard, id)
);

-- A cancelled run cancels its children.
create index run_parent on engine.run (shard, parent_run_id) where parent_run_id is not null;

comment on table engine.run is 'Runs as they were triggered; engine.run_state and engine.snapshot have their state and history';
comment on column engine.run.id is 'Without its prefix: users see run_<id>';
comment on column engine.run.priority_ms is 'Milliseconds by which the run moves ahead of its queue timestamp; null for 0';
comment on column engine.run.payload_type is 'Null for application/json';
comment on column engine.run.tags is 'Null for none';
comment on column engine.run.queue_timestamp is 'Queue order before priority; kept when the run resumes';
comment on column engine.run.resume_parent is 'Whether its parent waits for its end';
comment on column engine.run.retry is 'Retry settings with the keys maxAttempts, factor, minTimeoutInMs, maxTimeoutInMs, randomize, outOfMemory';
comment on column engine.run.delay_until is 'Earliest time of the first attempt; null for none';
comment on column engine.run.ttl is 'How long it may wait in its queue before its first dequeue, such as 10m';
comment on column engine.run.idempotency_key is 'As the caller wrote it; engine.trigger_key tells which run has it now';
comment on column engine.run.debounce is 'key, delay and createdAt of a debounced run';
comment on column engine.run.version is 'The worker version that it is bound to; null for the current one';

-- The state of a run. Updated in place: without an index besides the primary key, and with room on the page for one more
-- version of every row, updates stay HOT.
create table engine.run_state (
    updated_at        timestamptz not null,
    started_at        timestamptz,
    dequeued_at       timestamptz,
    prepared_at       timestamptz,
    executed_at       timestamptz,
    completed_at      timestamptz,
    cost_in_cents     double precision,
    base_cost_in_cents double precision,
    run_status        engine.run_status not null,
    execution_status  engine.execution_status not null,
    snapshot_ordinal  integer not null,
    attempt_number    integer,
    max_attempts      integer,
    queue_attempts    integer,
    released_attempts integer,
    usage_duration_ms integer not null default 0,
    last_ordinal      integer,
    max_duration_seconds integer,
    shard             smallint not null,
    has_waitpoint     boolean not null default false,
    is_dead_lettered  boolean not null default false,
    is_warm_start     boolean,
    run_id            text collate "C" not null,
    snapshot_id       text collate "C" not null,
    machine           text,
    retry             jsonb,
    status_reason     text,
    output            text,
    output_type       text,
    error             jsonb,
    bulk_action_ids   text[],
    version           text,
    batch_id          text collate "C",
    checkpoint_id     text collate "C",
    completed_waitpoint_ids text[],
    completed_waitpoint_order text[],
    attempt_batch_id  text collate "C",
    keep_ms           bigint,
    constraint run_state_pkey primary key (shard, run_id)
) with (fillfactor = 50);

comment on table engine.run_state is 'The state of runs: one row per run, locked by every operation on the run';
comment on column engine.run_state.snapshot_id is 'The latest snapshot, which is the fencing token';
comment on column engine.run_state.snapshot_ordinal is 'Ordinal of the latest snapshot within the run';
comment on column engine.run_state.attempt_number is 'Number of the attempt that started last; null before the first';
comment on column engine.run_state.max_attempts is 'Resolved when the run is dequeued';
comment on column engine.run_state.queue_attempts is 'How often the run was requeued because its worker was lost; null for zero';
comment on column engine.run_state.released_attempts is 'How many of its attempts do not count against max_attempts: its worker released it during them; null for zero';
comment on column engine.run_state.has_waitpoint is 'Whether a waitpoint waits, or has waited, for the end of the run';
comment on column engine.run_state.is_dead_lettered is 'Whether the queue gave the run up: engine_redrive requeues it';
comment on column engine.run_state.retry is 'Retry settings, resolved at the first dequeue';
comment on column engine.run_state.status_reason is 'Why the run is parked';
comment on column engine.run_state.version is 'The version that executes it, from its first dequeue on';
comment on column engine.run_state.max_duration_seconds is 'Time limit of an attempt, resolved when the run is dequeued by a version; null for the run''s own';
comment on column engine.run_state.started_at is 'First dequeue, unless that is the latest';
comment on column engine.run_state.dequeued_at is 'Latest dequeue; null if the run was never dequeued';
comment on column engine.run_state.executed_at is 'Start of the first attempt';
comment on column engine.run_state.cost_in_cents is 'Cost of the time that attempts used, by the machine of each; null for zero, as in development';
comment on column engine.run_state.base_cost_in_cents is 'Null for zero';
comment on column engine.run_state.output_type is 'Of a run that succeeded; null for application/json';
comment on column engine.run_state.last_ordinal is 'Ordinal of the last snapshot with an error; null for none';
comment on column engine.run_state.batch_id is 'The batch that the run waits for, as its latest snapshot says';
comment on column engine.run_state.checkpoint_id is 'Its checkpoint, as its latest snapshot says';
comment on column engine.run_state.completed_waitpoint_ids is 'Completed waitpoints, as its latest snapshot says';
comment on column engine.run_state.completed_waitpoint_order is 'Their order, as its latest snapshot says';
comment on column engine.run_state.prepared_at is 'When the attempt that started last became ready to start, unless that is the latest dequeue';
comment on column engine.run_state.attempt_batch_id is 'The batch that the run waited for when that attempt started';
comment on column engine.run_state.keep_ms is 'Milliseconds for which it is kept after its end, as its trigger says; null for what the policies say';
