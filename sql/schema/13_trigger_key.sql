-- Keys by which a trigger finds an existing run: the primary key lets one of several concurrent triggers have a key, and the
-- others wait until that one has committed or rolled back.
create table engine.trigger_key (
    shard      smallint not null,
    kind       text collate "C" not null check (kind in ('IDEMPOTENCY', 'DEBOUNCE', 'ONE_TIME_TOKEN')),
    digest     bytea not null,
    run_id     text collate "C" not null,
    expires_at timestamptz,
    constraint trigger_key_pkey primary key (shard, kind, digest)
);

-- The tick forgets keys that have expired.
create index trigger_key_expiry on engine.trigger_key (expires_at) where expires_at is not null;

-- A run that is removed takes its tokens and its debounce key along. Idempotency keys, which are many, outlive their runs.
create index trigger_key_run on engine.trigger_key (shard, run_id) where kind <> 'IDEMPOTENCY';

comment on table engine.trigger_key is 'Idempotency keys, debounce keys and one-time tokens, each with the run that has it';
comment on column engine.trigger_key.digest is 'SHA-256 of the key and its scope: a key may be longer than an index entry';
comment on column engine.trigger_key.expires_at is 'When the key is forgotten; null for never';
