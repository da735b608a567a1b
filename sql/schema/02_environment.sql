-- Cold: one row per configured environment. The environment "default" needs no row: it is PRODUCTION, on shard 0, without
-- limits. Only what users wrote is stored, so that a dump restores over a fresh extension without a conflict. Sessions cache
-- these two tables until Postgres tells them that a row has changed.
create table engine.environment (
    id                text collate "C" primary key,
    shard             smallint not null default 0 check (shard between 0 and 1295),
    type              engine.environment_type not null default 'PRODUCTION',
    project_id        text,
    organization_id   text,
    concurrency_limit integer check (concurrency_limit >= 0),
    burst_factor      double precision not null default 1 check (burst_factor >= 1),
    max_queue_size    integer check (max_queue_size >= 0),
    is_paused         boolean not null default false,
    requires_version  boolean not null default false,
    reserves_slots    boolean not null default false,
    archived_at       timestamptz,
    created_at        timestamptz not null,
    retry             jsonb,
    is_fitted         boolean not null default true
);

comment on table engine.environment is 'Environments that were set; "default" exists without a row';
comment on column engine.environment.shard is 'Where the runs of this environment live; the last two characters of their ids say it in base 36';
comment on column engine.environment.concurrency_limit is 'Runs that may hold a slot at once, before the burst factor; null for no limit';
comment on column engine.environment.burst_factor is 'By how much several queues together may exceed the limit; one queue alone never does';
comment on column engine.environment.reserves_slots is 'Whether claims reserve slots of the limit in shared memory, and no lane has it: where the library is preloaded and nothing may burst';
comment on column engine.environment.is_fitted is 'Whether slots and items have been fitted to its limits since they were set; the tick does that';
comment on column engine.environment.max_queue_size is 'Queued runs of one queue from which on triggers are refused; null for no limit';

comment on column engine.environment.retry is 'Retry policy of runs that have none, neither of their own nor of their task; null for none';

-- Cold: one row per configured queue. Any other name is a queue without a limit of its own.
create table engine.queue (
    environment_id    text collate "C" not null,
    name              text collate "C" not null,
    concurrency_limit integer check (concurrency_limit >= 0),
    override_limit    integer check (override_limit >= 0),
    overridden_at     timestamptz,
    max_size          integer check (max_size >= 0),
    is_paused         boolean not null default false,
    created_at        timestamptz not null,
    is_fitted         boolean not null default true,
    constraint queue_pkey primary key (environment_id, name)
);

comment on table engine.queue is 'Queues that were set; any other name is a queue without a limit of its own';
comment on column engine.queue.concurrency_limit is 'Runs of this queue, or of each of its concurrency keys, that may hold a slot at once; null for the environment''s limit';
comment on column engine.queue.override_limit is 'Stands in for the limit while it is set';
comment on column engine.queue.is_fitted is 'Whether slots and items have been fitted to its limits since they were set; the tick does that';
comment on column engine.queue.max_size is 'Queued runs from which on triggers are refused; null for what the environment says';
