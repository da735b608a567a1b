-- Cold: how long runs are kept after they have ended, where that was set. What is not set has its built-in value.
create table engine.retention (
    environment_id text collate "C" not null,
    task           text collate "C" not null,
    queue          text collate "C" not null,
    outcome        text collate "C" not null check (outcome in ('', 'COMPLETED', 'CANCELED', 'EXPIRED', 'FAILED', 'DEAD_LETTER')),
    keep           interval check (keep >= '0'),
    set_at         timestamptz not null,
    constraint retention_pkey primary key (environment_id, task, queue, outcome),
    constraint retention_subject check (task = '' or queue = '')
);

comment on table engine.retention is 'How long runs are kept after they have ended, where that was set; engine_retention() has the built-in values, too';
comment on column engine.retention.environment_id is 'Empty for every environment';
comment on column engine.retention.task is 'Empty for every task';
comment on column engine.retention.queue is 'Empty for every queue';
comment on column engine.retention.outcome is 'Empty for every outcome';
comment on column engine.retention.keep is 'Null for ever';

-- When the sweep looks at runs. A stretch begins with its id and ends before the next one; together they are all runs, those
-- to come as well. Only the session that sweeps writes here.
create table engine.stretch (
    shard     smallint not null,
    first_id  text collate "C" not null,
    due_at    timestamptz not null,
    looked_at timestamptz not null,
    run_count integer not null check (run_count >= 0),
    constraint stretch_pkey primary key (shard, first_id)
);

create index stretch_due on engine.stretch (due_at);

comment on table engine.stretch is 'Stretches of runs, by their ids, and when the sweep looks at each for runs to remove';
comment on column engine.stretch.due_at is 'When the sweep looks at it';
comment on column engine.stretch.looked_at is 'When the sweep looked at it last';
comment on column engine.stretch.run_count is 'How many runs were left in it';

-- Sessions remember the environments of runs. A removal is announced as a change of this table, which no statement reads.
create table engine.run_removal ();

comment on table engine.run_removal is 'Always empty: what sessions remember of runs is forgotten after a message about this table';
