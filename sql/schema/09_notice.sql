-- Events without a transition.
create table engine.notice (
    shard      smallint not null,
    position   bigint not null,
    horizon    bigint not null,
    run_id     text collate "C" not null,
    name       text not null,
    body       jsonb not null,
    created_at timestamptz not null,
    constraint notice_pkey primary key (shard, position)
);

-- Readers of events move forward by position, on all shards.
create index notice_position on engine.notice using brin (position) with (autosummarize = on, pages_per_range = 32);

-- A run that is removed takes its notices along.
create index notice_run on engine.notice (shard, run_id);

comment on table engine.notice is 'Events without a snapshot of their own: a metadata update, a discarded checkpoint, a second cancel';
comment on column engine.notice.position is 'Position in the order of all events, as engine.snapshot.position';
comment on column engine.notice.horizon is 'As engine.snapshot.horizon';
