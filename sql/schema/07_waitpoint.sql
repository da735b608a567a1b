-- What runs wait for. A row is completed once; room on the page keeps that update HOT.
create table engine.waitpoint (
    shard                         smallint not null,
    id                            text collate "C" not null,
    type                          engine.waitpoint_type not null,
    status                        engine.waitpoint_status not null default 'PENDING',
    environment_id                text collate "C" not null,
    idempotency_key               text collate "C" not null,
    user_provided_idempotency_key boolean not null default false,
    inactive_idempotency_key      text,
    completed_by_run_id           text collate "C",
    completed_after               timestamptz,
    completed_by_batch_id         text collate "C",
    completed_at                  timestamptz,
    output                        text,
    output_type                   text not null default 'application/json',
    output_is_error               boolean not null default false,
    created_at                    timestamptz not null,
    idempotency_key_expires_at    timestamptz,
    tags                          text[] not null default '{}',
    constraint waitpoint_pkey primary key (shard, id)
) with (fillfactor = 70);

-- A key exists once in its environment, whatever the type of its waitpoint.
create unique index waitpoint_key on engine.waitpoint (shard, environment_id, idempotency_key)
    where user_provided_idempotency_key;

-- A run, or a batch, has at most one waitpoint.
create unique index waitpoint_run on engine.waitpoint (shard, completed_by_run_id) where completed_by_run_id is not null;
create unique index waitpoint_batch on engine.waitpoint (shard, completed_by_batch_id) where completed_by_batch_id is not null;

comment on table engine.waitpoint is 'Waitpoints: runs wait for another run, a time, a caller, a batch';
comment on column engine.waitpoint.idempotency_key is 'The caller''s key; without one, the waitpoint''s own id, or any other text that no caller passes';
comment on column engine.waitpoint.inactive_idempotency_key is 'The caller''s key after it expired and another waitpoint took it';
comment on column engine.waitpoint.completed_after is 'DATETIME: when it is due; MANUAL: its timeout';

-- A run that waits for a waitpoint, with a row for each batch index. Written and deleted only under the run's lock.
create table engine.edge (
    shard       smallint not null,
    batch_index integer not null default -1 check (batch_index >= -1),
    run_id      text collate "C" not null,
    waitpoint_id text collate "C" not null,
    batch_id    text collate "C",
    span_id     text,
    created_at  timestamptz not null,
    constraint edge_pkey primary key (shard, run_id, waitpoint_id, batch_index)
);

-- A completion looks for the runs that wait for its waitpoint.
create index edge_waitpoint on engine.edge (shard, waitpoint_id);

comment on table engine.edge is 'Runs and the waitpoints that they wait for: only runs that are EXECUTING_WITH_WAITPOINTS, SUSPENDED or PENDING_CANCEL have edges';
comment on column engine.edge.batch_index is 'Index of the waitpoint in the run''s results; -1 for none';
comment on column engine.edge.batch_id is 'The batch that the waitpoint is a part of, or is for';
comment on column engine.edge.span_id is 'The span that the completion ends, in the event cachedRunCompleted';

-- Every run that has waited for a waitpoint: for people, deleted with the run, never with the edge.
create table engine.waitpoint_history (
    shard        smallint not null,
    waitpoint_id text collate "C" not null,
    run_id       text collate "C" not null,
    created_at   timestamptz not null,
    constraint waitpoint_history_pkey primary key (shard, waitpoint_id, run_id)
);

-- A run that is removed takes its records along.
create index waitpoint_history_run on engine.waitpoint_history (shard, run_id);

comment on table engine.waitpoint_history is 'Every run that ever waited for a waitpoint';
