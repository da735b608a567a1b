-- Runs that are triggered together and awaited together.
create table engine.batch (
    shard                      smallint not null,
    id                         text collate "C" not null,
    environment_id             text collate "C" not null,
    status                     engine.batch_status not null default 'PENDING',
    run_count                  integer check (run_count >= 0),
    item_count                 integer not null default 0,
    failed_count               integer not null default 0 check (failed_count <= item_count),
    next_index                 integer not null default 0,
    parent_run_id              text collate "C",
    resume_parent              boolean not null default false,
    idempotency_key            text collate "C",
    idempotency_key_expires_at timestamptz,
    options                    jsonb,
    sealed_at                  timestamptz,
    completed_at               timestamptz,
    created_at                 timestamptz not null,
    constraint batch_pkey primary key (shard, id)
) with (fillfactor = 50);

create unique index batch_key on engine.batch (shard, environment_id, idempotency_key) where idempotency_key is not null;

comment on table engine.batch is 'Batches: runs that are triggered together and awaited together';
comment on column engine.batch.run_count is 'Number of items announced; null until the batch is sealed if it was not announced';
comment on column engine.batch.item_count is 'Number of items added';
comment on column engine.batch.failed_count is 'Number of items that could not be triggered';
comment on column engine.batch.next_index is 'One more than the greatest index of its items';
comment on column engine.batch.options is 'Data that its creator stored with it';
comment on column engine.batch.sealed_at is 'Since when it accepts no more items; all its items have been triggered';

-- An item of a batch, and its run. Written once.
create table engine.batch_item (
    shard      smallint not null,
    item_index integer not null check (item_index >= 0),
    batch_id   text collate "C" not null,
    run_id     text collate "C" not null,
    error_code text,
    error      text,
    request    jsonb,
    created_at timestamptz not null,
    constraint batch_item_pkey primary key (shard, batch_id, item_index)
);

-- The runs of a batch, the latest first: these are usually the last to end.
create index run_batch on engine.run (shard, batch_id, id) where batch_id is not null;

comment on table engine.batch_item is 'Items of batches: each became a run, which starts as failed if it could not be triggered';
comment on column engine.batch_item.run_id is 'The run; an existing one, if the item had its key; for an item that could not be triggered, a failed run';
comment on column engine.batch_item.request is 'An item that could not be triggered, as it was passed to engine_add_to_batch';
