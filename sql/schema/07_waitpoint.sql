-- What a run can wait for. The skeleton only reads this table: snapshots carry completed waitpoints to the worker.
create table engine.waitpoint (
    shard                         smallint not null,
    id                            text collate "C" not null,
    type                          engine.waitpoint_type not null,
    status                        engine.waitpoint_status not null default 'PENDING',
    environment_id                text not null,
    idempotency_key               text not null,
    user_provided_idempotency_key boolean not null default false,
    inactive_idempotency_key      text,
    completed_by_run_id           text,
    completed_after               timestamptz,
    completed_by_batch_id         text,
    completed_at                  timestamptz,
    output                        text,
    output_type                   text not null default 'application/json',
    output_is_error               boolean not null default false,
    created_at                    timestamptz not null,
    constraint waitpoint_pkey primary key (shard, id)
);

comment on table engine.waitpoint is 'What a run can wait for: another run, a time, a person, a batch';
comment on column engine.waitpoint.completed_after is 'DATETIME: when it is due; MANUAL: its timeout';
