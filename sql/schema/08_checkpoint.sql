-- Where the frozen process of a suspended run is stored.
create table engine.checkpoint (
    shard          smallint not null,
    id             text collate "C" not null,
    type           engine.checkpoint_type not null,
    location       text not null,
    image_ref      text,
    reason         text,
    created_at     timestamptz not null,
    run_id         text collate "C",
    environment_id text collate "C",
    project_id     text,
    constraint checkpoint_pkey primary key (shard, id)
);

-- A run that is removed takes its checkpoints along.
create index checkpoint_run on engine.checkpoint (shard, run_id) where run_id is not null;

comment on table engine.checkpoint is 'Checkpoints: where the frozen process of a suspended run is stored; many snapshots may name one';
