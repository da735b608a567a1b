-- Cold: what was said about shards. A database of which nothing was said serves the shards 0 to 63. Only what somebody has written is
-- stored, so that a dump restores over a fresh extension without a conflict.
create table engine.shard (
    number     smallint not null check (number between 0 and 1295),
    state      text collate "C" not null check (state in ('SERVING', 'MOVING', 'AWAY')),
    place      text,
    changed_at timestamptz not null,
    constraint shard_pkey primary key (number)
);

comment on table engine.shard is 'What this database says about shards, where that is not what any database does; view engine.shard_state';
comment on column engine.shard.state is 'SERVING; MOVING while another database is about to serve it; AWAY if this one does not';
comment on column engine.shard.place is 'Where the shard is, for the error of who asks here';
