-- A queued run: inserted when the run enters its queue, deleted by the dequeue that claims it. Dequeues read the items in
-- order. An item that cannot start because its lane is full is read once and then filed: from then on only its lane knows
-- it, and later dequeues do not read it again.
create table engine.queue_item (
    shard           smallint not null,
    is_filed        boolean not null default false,
    is_ahead        boolean not null,
    is_sized        boolean not null default false,
    run_id          text collate "C" not null,
    available_at    timestamptz not null,
    environment_id  text collate "C" not null,
    worker_queue    text collate "C" not null,
    queue           text collate "C" not null,
    concurrency_key text collate "C" not null,
    expires_at      timestamptz,
    constraint queue_item_pkey primary key (shard, run_id)
);

-- A dequeue reads this index from the left end of an environment, in two places: few items are ahead of their time; for the
-- others a session that finds many dead entries remembers where the live ones begin (engine-ext/src/backend/low_water.rs).
-- An environment is on one shard. The index does not begin with it, so that one look finds the environments of all shards.
create index queue_item_order on engine.queue_item (
    worker_queue, environment_id, is_ahead, available_at, run_id)
    where not is_filed;

create index queue_item_lane on engine.queue_item (
    shard, environment_id, queue, concurrency_key, worker_queue, available_at, run_id)
    include (expires_at)
    where is_filed;

-- The tick expires runs whose time to live has passed, on all shards. Items without one are not in this index.
create index queue_item_expiry on engine.queue_item (expires_at) where expires_at is not null;

-- The size of a queue is counted if it has a maximum.
create index queue_item_sized on engine.queue_item (shard, environment_id, queue) where is_sized;

comment on table engine.queue_item is 'Queued runs: exactly one row per run whose execution status is QUEUED';
comment on column engine.queue_item.available_at is 'Queue order and earliest dequeue: queue timestamp minus priority, or the time of a retry';
comment on column engine.queue_item.concurrency_key is 'Empty for none';
comment on column engine.queue_item.expires_at is 'From when on it is not dequeued any more, even before the tick expires it; null for never';
comment on column engine.queue_item.is_ahead is 'Whether the item was available before it was written: it precedes items that may have been claimed since';
comment on column engine.queue_item.is_sized is 'Whether the item counts against the maximum size of its queue';
comment on column engine.queue_item.is_filed is 'Whether the item was read while its lane was full, and is found through its lane from now on';

-- A lane is a queue, or one concurrency key of a queue, in an environment: what a limit counts. It has a row while it has
-- filed items, one per worker queue. Only a session that holds the lane, or the environment's mutex exclusively, writes
-- here.
create table engine.lane (
    shard           smallint not null,
    is_open         boolean not null,
    head_at         timestamptz not null,
    environment_id  text collate "C" not null,
    worker_queue    text collate "C" not null,
    queue           text collate "C" not null,
    concurrency_key text collate "C" not null,
    constraint lane_pkey primary key (shard, environment_id, queue, concurrency_key, worker_queue)
);

create index lane_open on engine.lane (worker_queue, environment_id, head_at) where is_open;

comment on table engine.lane is 'Queues and concurrency keys that have filed items';
comment on column engine.lane.is_open is 'Whether the lane had a free slot when it was last settled; a later release is a row of engine.release';
comment on column engine.lane.head_at is 'When its first filed item became available';

-- A slot that was given back in an environment with limits: the next dequeue looks at its lane again. Giving back a slot
-- only adds a row: it waits for no dequeue, and no dequeue waits for it.
create table engine.release (
    shard           smallint not null,
    environment_id  text collate "C" not null,
    queue           text collate "C" not null,
    concurrency_key text collate "C" not null
);

create index release_environment on engine.release (environment_id, queue, concurrency_key);

comment on table engine.release is 'Slots that were given back, for the next dequeue to look at';
