-- Cold: what an environment may use at most. One without a row, and a null, have no bound.
create table engine.quota (
    environment_id  text collate "C" not null,
    queued_runs     bigint check (queued_runs >= 0),
    runs_per_second double precision check (runs_per_second >= 0),
    payload_bytes   bigint check (payload_bytes >= 0),
    kept_bytes      bigint check (kept_bytes >= 0),
    schedules       integer check (schedules >= 0),
    set_at          timestamptz not null,
    constraint quota_pkey primary key (environment_id)
);

comment on table engine.quota is 'What environments may use at most, where that was set';
comment on column engine.quota.queued_runs is 'Runs that wait: queued, delayed or parked';
comment on column engine.quota.runs_per_second is 'New runs per second, on average';
comment on column engine.quota.payload_bytes is 'Bytes of one run''s payload';
comment on column engine.quota.kept_bytes is 'Bytes of the payloads of all runs that are kept';

-- What environments with a quota have used. A trigger locks the row of its environment before all else, and changes it in place: the
-- next one reads what this one has committed.
create table engine.quota_use (
    environment_id text collate "C" not null,
    tokens         double precision not null,
    refilled_at    timestamptz not null,
    queued_bound   bigint not null,
    kept_bytes     bigint not null,
    constraint quota_use_pkey primary key (environment_id)
) with (fillfactor = 20);

comment on table engine.quota_use is 'What environments with a quota have used';
comment on column engine.quota_use.tokens is 'How many runs could be triggered at once at that time; less than none if a call has triggered more';
comment on column engine.quota_use.queued_bound is 'At most so many runs wait: those that did when they were counted, and all that were triggered since';
comment on column engine.quota_use.kept_bytes is 'Bytes of payloads, before those in engine.quota_return are taken away';

-- Payloads that were removed: the next trigger takes them away. Removing one waits for no trigger.
create table engine.quota_return (
    environment_id text collate "C" not null,
    bytes          bigint not null
);

create index quota_return_environment on engine.quota_return (environment_id);

comment on table engine.quota_return is 'Bytes of payloads that were removed, for the next trigger to take away';
comment on column engine.quota_return.bytes is 'Less than none if a payload was replaced by a longer one';
