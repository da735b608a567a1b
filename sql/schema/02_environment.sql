-- Cold: one row per environment that somebody has set. The environment "default" needs no row: it is PRODUCTION, on
-- shard 0. Only what users wrote is stored, so that a dump restores over a fresh extension without a conflict.
create table engine.environment (
    id              text collate "C" primary key,
    shard           smallint not null default 0 check (shard between 0 and 1295),
    type            engine.environment_type not null default 'PRODUCTION',
    project_id      text,
    organization_id text,
    created_at      timestamptz not null
);

comment on table engine.environment is 'Environments that were set; "default" exists without a row';
comment on column engine.environment.shard is 'Where the runs of this environment live; the last two characters of their ids say it in base 36';
