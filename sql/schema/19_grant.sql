-- Cold: what roles may do, beside the rights that Postgres keeps. Role 0 stands for PUBLIC. A role that was dropped leaves its
-- rows until the next grant or revocation.
create table engine.grant (
    role           regrole not null,
    capability     text collate "C" not null check (capability in ('trigger', 'work', 'wait', 'read', 'operate', 'tick')),
    environment_id text collate "C" not null,
    granted_at     timestamptz not null,
    constraint grant_pkey primary key (role, capability, environment_id)
);

comment on table engine.grant is 'What roles may do, by capability and environment; engine.permission has their members as well';
comment on column engine.grant.role is '0 for PUBLIC';
comment on column engine.grant.environment_id is '* for every environment';
