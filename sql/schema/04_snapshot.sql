-- The history: one immutable row per transition, in the order of its ordinal, which is given under the run's lock.
-- It is the event log as well (view engine.event), so that no event can disagree with the history.
create table engine.snapshot (
    shard                     smallint not null,
    run_id                    text collate "C" not null,
    ordinal                   integer not null,
    id                        text collate "C" not null,
    previous_snapshot_id      text collate "C",
    execution_status          engine.execution_status not null,
    run_status                engine.run_status not null check (run_status <> 'DEQUEUED'),
    attempt_number            integer,
    description               text not null,
    error                     text,
    is_valid                  boolean not null generated always as (error is null) stored,
    batch_id                  text,
    checkpoint_id             text,
    completed_waitpoint_ids   text[] not null default '{}',
    completed_waitpoint_order text[] not null default '{}',
    worker_id                 text,
    runner_id                 text,
    metadata                  jsonb,
    created_at                timestamptz not null,
    constraint snapshot_pkey primary key (shard, run_id, ordinal)
);

comment on table engine.snapshot is 'Execution snapshots: one immutable row per transition of a run';
comment on column engine.snapshot.id is 'Increases as text within a run; users see it as snapshot_<id>';
comment on column engine.snapshot.run_status is 'Status of the run at this moment; DEQUEUED is written as PENDING';
comment on column engine.snapshot.is_valid is 'False if written with an error: a record only, never the latest snapshot';
comment on column engine.snapshot.batch_id is 'The batch that the run waits for';
comment on column engine.snapshot.completed_waitpoint_ids is 'Waitpoints whose completion this snapshot carries, each once';
comment on column engine.snapshot.completed_waitpoint_order is 'Ids of those that have an index, by index; an id may stand here twice';
