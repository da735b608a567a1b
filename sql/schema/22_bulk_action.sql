-- Bulk actions: one action on all runs that match a filter. Each is worked through by the tick, in steps that record in the same
-- transaction how far they have come. What they did is kept for a year.
create table engine.bulk_action (
    id              text collate "C" not null,
    shard           smallint not null,
    after_id        text collate "C" not null,
    action          text collate "C" not null check (action in (
        'cancel', 'replay', 'redrive', 'release', 'reschedule', 'move', 'set_priority', 'forget')),
    state           text collate "C" not null check (state in ('RUNNING', 'STOPPED', 'COMPLETED')),
    filter          jsonb not null,
    options         jsonb not null,
    reason          text,
    environment_ids text[],
    created_by      text not null,
    session_role    text not null,
    created_at      timestamptz not null,
    worked_at       timestamptz not null,
    finished_at     timestamptz,
    total           bigint not null,
    is_total_exact  boolean not null,
    done            bigint not null default 0,
    skipped         bigint not null default 0,
    refused         bigint not null default 0,
    refused_by      jsonb not null default '{}',
    locked_ids      text[] not null default '{}',
    constraint bulk_action_pkey primary key (id),
    constraint bulk_action_finished check ((finished_at is null) = (state = 'RUNNING'))
);

-- The tick finds those that are running.
create index bulk_action_running on engine.bulk_action (worked_at) where state = 'RUNNING';

comment on table engine.bulk_action is 'Bulk actions, running and past, with how far each has come; view engine.bulk';
comment on column engine.bulk_action.id is 'Without its prefix: users see bulk_<id>';
comment on column engine.bulk_action.shard is 'The shard that its next step is about';
comment on column engine.bulk_action.after_id is 'The last run of that shard that it has looked at';
comment on column engine.bulk_action.environment_ids is 'The environments in which its caller may act; null for all';
comment on column engine.bulk_action.created_by is 'The role that has started it';
comment on column engine.bulk_action.session_role is 'The role with which that session had connected';
comment on column engine.bulk_action.created_at is 'It is about runs that existed then, and of those that have ended, about those that had ended then';
comment on column engine.bulk_action.total is 'How many runs matched at its start';
comment on column engine.bulk_action.is_total_exact is 'Whether all of them were counted';
comment on column engine.bulk_action.skipped is 'Runs that had moved on when their turn came';
comment on column engine.bulk_action.refused_by is 'How many runs were refused, by SQLSTATE';
comment on column engine.bulk_action.locked_ids is 'Runs that other sessions had locked when their turn came: the next step tries again';
