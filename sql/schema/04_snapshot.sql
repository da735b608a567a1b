-- Positions of events, one per snapshot and per notice, drawn while the run is locked.
create sequence engine.event_position;

-- The history: one immutable row per transition, in the order of its ordinal, which is assigned under the run's lock. It is
-- also the event log (view engine.event), so that no event can disagree with the history. What follows from the rows is not
-- stored (view engine.history), and the columns of fixed width come first, widest first: a row has no bytes of padding.
create table engine.snapshot (
    position                  bigint not null,
    horizon                   bigint not null,
    created_at                timestamptz not null,
    ordinal                   integer not null,
    transition                engine.transition not null,
    execution_status          engine.execution_status not null,
    run_status                engine.run_status not null,
    attempt_number            integer,
    shard                     smallint not null,
    is_valid                  boolean not null default true,
    run_id                    text collate "C" not null,
    id                        text collate "C",
    description               text,
    error                     text,
    batch_id                  text collate "C",
    checkpoint_id             text collate "C",
    completed_waitpoint_ids   text[],
    completed_waitpoint_order text[],
    worker_id                 text,
    runner_id                 text,
    machine                   text,
    metadata                  jsonb,
    detail                    jsonb
);

-- The snapshots of most runs have one key here, which Postgres stores once. A long history is found sixteen at a time; ordinals
-- are unique because they are assigned under the run's lock.
create index snapshot_run on engine.snapshot (shard, run_id, (ordinal / 16));

-- The table has no key: where a publication has it, a removal is published by the whole row.
alter table engine.snapshot replica identity full;

-- Readers of events move forward by position, which is nearly the order of the rows on disk: a summary per range of pages is
-- enough to find them, and costs writers nothing.
create index snapshot_position on engine.snapshot using brin (position) with (autosummarize = on, pages_per_range = 32);

comment on table engine.snapshot is 'Execution snapshots: one immutable row per transition of a run';
comment on column engine.snapshot.id is 'Null, except in histories of versions before 0.2.0: it follows from the ordinal (view engine.history). Increases as text within a run; users see snapshot_<id>';
comment on column engine.snapshot.description is 'Unless it is the usual one of the transition, or the error';
comment on column engine.snapshot.transition is 'The cause of this snapshot';
comment on column engine.snapshot.run_status is 'Status of the run at this moment; PENDING instead of DEQUEUED';
comment on column engine.snapshot.position is 'Position in the order of all events';
comment on column engine.snapshot.horizon is 'Every transaction that drew a smaller position has a smaller id than this: once all of them have ended, no row can appear before this one';
comment on column engine.snapshot.is_valid is 'False if written with an error: a record only, never the latest snapshot';
comment on column engine.snapshot.batch_id is 'The batch that the run waits for';
comment on column engine.snapshot.completed_waitpoint_ids is 'Waitpoints whose completion this snapshot records, each once; null for none';
comment on column engine.snapshot.completed_waitpoint_order is 'Ids of those that have an index, by index; an id may occur twice; null for none';
comment on column engine.snapshot.machine is 'The requested machine, on the snapshot of a dequeue';
comment on column engine.snapshot.detail is 'Details for the events of this transition: error, attemptError, retryAt, nextMachineAfterOOM, and of a dead letter usageDurationMs, costInCents';
