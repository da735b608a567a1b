-- A run that holds concurrency: inserted by the claim, deleted when the run leaves the executing statuses.
create table engine.slot (
    shard           smallint not null,
    run_id          text collate "C" not null,
    environment_id  text not null,
    queue           text not null,
    concurrency_key text,
    acquired_at     timestamptz not null,
    constraint slot_pkey primary key (shard, run_id)
);

comment on table engine.slot is 'Concurrency in use: exactly one row per run in PENDING_EXECUTING, EXECUTING or EXECUTING_WITH_WAITPOINTS';
