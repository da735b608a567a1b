-- Cold: one row per configured environment. The environment "default" needs no row: it is PRODUCTION, on shard 0, without
-- limits. Only what users wrote is stored, so that a dump restores over a fresh extension without a conflict.
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
    is_fitted         boolean not null default true,
    paused_at         timestamptz,
    paused_by         text,
    pause_reason      text,
    constraint environment_pause check (is_paused or num_nonnulls(paused_at, paused_by, pause_reason) = 0)
);

-- The shards in use are found by jumping through it.
create index environment_by_shard on engine.environment (shard);

comment on table engine.environment is 'Configured environments; "default" exists without a row';
comment on column engine.environment.shard is 'Where the runs of this environment live; the last two characters of their ids are its number in base 36';
comment on column engine.environment.concurrency_limit is 'Runs that may hold a slot at once, before the burst factor; null for no limit';
comment on column engine.environment.burst_factor is 'Factor by which several queues together may exceed the limit; a single queue never does';
comment on column engine.environment.reserves_slots is 'Whether dequeues reserve slots of the limit in shared memory, and no lane has it: if the library is preloaded and nothing may burst';
comment on column engine.environment.is_fitted is 'Whether the tick has adapted slots and items to its limits since these were set';
comment on column engine.environment.max_queue_size is 'Queued runs per queue at which triggers are refused; null for no limit';

comment on column engine.environment.paused_at is 'Since when it is paused; null if it is not, or since before 0.2.0';
comment on column engine.environment.paused_by is 'The role that paused it, or that gave the reason';
comment on column engine.environment.pause_reason is 'Why it is paused, in the words of that role; null for no reason';
comment on column engine.environment.retry is 'Retry policy of runs without one of their own or of their task; null for none';

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
    paused_at         timestamptz,
    paused_by         text,
    pause_reason      text,
    constraint queue_pkey primary key (environment_id, name),
    constraint queue_pause check (is_paused or num_nonnulls(paused_at, paused_by, pause_reason) = 0)
);

comment on table engine.queue is 'Configured queues; any other name is a queue without a limit of its own';
comment on column engine.queue.concurrency_limit is 'Runs of this queue, or of each of its concurrency keys, that may hold a slot at once; null for the environment''s limit';
comment on column engine.queue.override_limit is 'Replaces the limit while it is set';
comment on column engine.queue.paused_at is 'Since when it is paused; null if it is not, or since before 0.2.0';
comment on column engine.queue.paused_by is 'The role that paused it, or that gave the reason';
comment on column engine.queue.pause_reason is 'Why it is paused, in the words of that role; null for no reason';
comment on column engine.queue.is_fitted is 'Whether the tick has adapted slots and items to its limits since these were set';
comment on column engine.queue.max_size is 'Queued runs at which triggers are refused; null for the environment''s setting';

-- Sessions cache environments, queues, machines, versions of workers and retention. A change of any of them is announced as a
-- change of this table, which no statement reads: plans that read a changed table would be dropped as well.
create table engine.setting_change ();

comment on table engine.setting_change is 'Always empty: what sessions cache of the settings is read again after a message about this table';
