-- Up to where events were removed: one row per shard that ever lost one, raised in the transaction that removes them. A reader
-- that continues before it has missed something, and is told so.
create table engine.event_horizon (
    shard    smallint not null,
    position bigint not null,
    moved_at timestamptz not null,
    constraint event_horizon_pkey primary key (shard)
);

comment on table engine.event_horizon is 'Up to where events of a shard were removed';
comment on column engine.event_horizon.position is 'The greatest position of an event that was removed; 0 if none was';

-- Named readers: one row per reader and shard, so that a shard takes the positions of its readers along.
create table engine.event_reader_position (
    shard           smallint not null,
    name            text collate "C" not null,
    position        bigint not null,
    row_position    bigint not null,
    max_lag_ms      bigint not null,
    created_at      timestamptz not null,
    acknowledged_at timestamptz,
    constraint event_reader_position_pkey primary key (shard, name)
);

comment on table engine.event_reader_position is 'Named readers of events, and what each has acknowledged; view engine.event_reader';
comment on column engine.event_reader_position.position is 'The last acknowledged event';
comment on column engine.event_reader_position.row_position is 'All events of rows up to this position are acknowledged: such rows may be removed';
comment on column engine.event_reader_position.max_lag_ms is 'Age up to which events are kept for this reader';
