-- What was done, and by whom: one row per call that is an action, of sessions that say who acts (`engine.actor`). It is written in the
-- transaction of the action, and kept for a year.
create table engine.audit_entry (
    id             bigint generated always as identity,
    acted_at       timestamptz not null,
    actor          text not null,
    role           text not null,
    session_role   text not null,
    action         text collate "C" not null,
    environment_id text collate "C",
    arguments      jsonb not null,
    constraint audit_entry_pkey primary key (id)
);

-- Those that are forgotten are found by their age.
create index audit_entry_time on engine.audit_entry (acted_at);

comment on table engine.audit_entry is 'Actions that somebody took; view engine.audit';
comment on column engine.audit_entry.actor is 'Who, in the words of the session';
comment on column engine.audit_entry.role is 'The role that called';
comment on column engine.audit_entry.session_role is 'The role with which its session had connected';
comment on column engine.audit_entry.environment_id is 'Null if the action names none, and no run or schedule that existed';
