-- Cold: records of shards. Without any, a database serves the shards 0 to 63. It begins empty, so that a dump restores over a fresh
-- extension without a conflict.
create table engine.shard (
    number     smallint not null check (number between 0 and 1295),
    state      text collate "C" not null check (state in ('SERVING', 'MOVING', 'AWAY')),
    place      text,
    changed_at timestamptz not null,
    has_come   boolean not null,
    constraint shard_pkey primary key (number)
);

comment on table engine.shard is 'Shards on record: without a record, the shards 0 to 63 are served, and no others; view engine.shard_state';
comment on column engine.shard.state is 'SERVING; MOVING while another database is about to serve it; AWAY if this one does not';
comment on column engine.shard.has_come is 'Whether its runs have come from another database: their events have no order with those of other shards';
comment on column engine.shard.place is 'Where the shard is, for the error of who asks here';
