-- A queued run that waits to be claimed: inserted when the run enters its queue, deleted by the claim, never updated.
create table engine.queue_item (
    shard           smallint not null,
    run_id          text collate "C" not null,
    worker_queue    text not null,
    environment_id  text not null,
    queue           text not null,
    concurrency_key text,
    available_at    timestamptz not null,
    constraint queue_item_pkey primary key (shard, run_id)
);

-- The claim walks this index from its left end.
create index queue_item_claim on engine.queue_item (shard, worker_queue, available_at, run_id);

comment on table engine.queue_item is 'Queued runs: exactly one row per run whose execution status is QUEUED';
comment on column engine.queue_item.available_at is 'Order of the queue and earliest time of the claim: queue timestamp minus priority, or the time of a retry';
