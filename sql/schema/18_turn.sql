-- The last turn of each worker that names its turns: the same turn again has the same answer. What the turn wrote tells most
-- of it; this row tells the rest. Updated in place: its index changes once an hour.
create table engine.turn (
    shard        smallint not null,
    worker_id    text collate "C" not null,
    runner_id    text collate "C" not null,
    turn_id      text collate "C" not null,
    digest       bytea not null,
    refused      jsonb,
    run_ids      text[] not null,
    snapshot_ids text[] not null,
    taken_at     timestamptz not null,
    forget_at    timestamptz not null,
    constraint turn_pkey primary key (shard, worker_id, runner_id)
) with (fillfactor = 50);

-- The tick forgets turns of workers that are gone.
create index turn_expiry on engine.turn (forget_at);

comment on table engine.turn is 'The last turn of each worker, for a worker that has lost the answer';
comment on column engine.turn.digest is 'SHA-256 of what the worker reported and asked for';
comment on column engine.turn.refused is 'SQLSTATE and message of each completion that was refused, by its position; null for none';
comment on column engine.turn.run_ids is 'The runs that started';
comment on column engine.turn.snapshot_ids is 'The snapshots of their starts';
comment on column engine.turn.forget_at is 'A whole hour, after which the tick forgets the turn';
