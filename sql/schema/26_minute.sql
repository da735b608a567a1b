-- What happened in each minute of the last three hours, by task: gathered by the tick from the history, a few seconds later. Of many
-- tasks, those with most events have rows; the others have one together, without a name. So its size is bounded, however much happens.
create table engine.minute (
    minute         timestamptz not null,
    environment_id text collate "C" not null,
    task           text collate "C" not null,
    triggered      bigint not null,
    dequeued       bigint not null,
    succeeded      bigint not null,
    failed         bigint not null,
    cancelled      bigint not null,
    retried        bigint not null,
    wait_counts    integer[],
    run_counts     integer[],
    constraint minute_pkey primary key (minute, environment_id, task)
) with (fillfactor = 50);

-- How far the history is gathered: one row, updated in place.
create table engine.minute_mark (
    is_only           boolean not null default true check (is_only),
    gathered_position bigint not null,
    next_position     bigint not null,
    marked_at         timestamptz not null,
    complete_since    timestamptz,
    constraint minute_mark_pkey primary key (is_only)
);

comment on table engine.minute is 'What happened per minute and task in the last three hours; views engine.minute_history and engine.latency';
comment on column engine.minute.environment_id is 'Empty for the tasks that have no rows of their own';
comment on column engine.minute.cancelled is 'Cancelled or expired';
comment on column engine.minute.wait_counts is 'How many runs waited for their dequeue for how long: n counts from 2^((n-1)/3) to 2^(n/3) ms, the first also less; null for none';
comment on column engine.minute.run_counts is 'The same of how long attempts took';
comment on table engine.minute_mark is 'How far the tick has gathered what engine.minute has, in one row';
comment on column engine.minute_mark.next_position is 'Up to here it gathers next: what commits late is there by then';
comment on column engine.minute_mark.complete_since is 'Null if nothing before was left out';
