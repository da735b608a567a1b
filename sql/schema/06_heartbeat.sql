-- The heartbeat deadline of a watched run, and, for most of them, the slot that it holds. The two begin and end together, so
-- they are one row: a dequeue inserts one, a finish deletes one. A beat moves deadline_at, which no index contains: the
-- update stays HOT. The tick finds rows by check_at, which is never later than deadline_at, and moves the check_at of runs
-- that are alive.
create table engine.heartbeat (
    shard           smallint not null,
    holds_slot      boolean not null,
    is_counted      boolean not null,
    is_noted        boolean not null,
    run_id          text collate "C" not null,
    snapshot_id     text collate "C" not null,
    interval_ms     bigint not null,
    deadline_at     timestamptz not null,
    check_at        timestamptz not null,
    acquired_at     timestamptz not null,
    environment_id  text collate "C" not null,
    queue           text collate "C" not null,
    concurrency_key text collate "C" not null,
    constraint heartbeat_pkey primary key (shard, run_id)
) with (fillfactor = 70);

create index heartbeat_check on engine.heartbeat (check_at);

-- Dequeues count the slots of an environment, and of a lane, where there are limits.
create index heartbeat_counted on engine.heartbeat (shard, environment_id, queue, concurrency_key) where is_counted;

comment on table engine.heartbeat is 'Heartbeat deadlines: exactly one row per run whose execution status is watched';
comment on column engine.heartbeat.holds_slot is 'Whether the run holds a slot: in every status but SUSPENDED and PENDING_CANCEL';
comment on column engine.heartbeat.is_counted is 'Whether the slot counts against a limit: its queue or its environment has one';
comment on column engine.heartbeat.is_noted is 'Whether giving the slot back leaves a note: its lane has a limit, and may have filed items';
comment on column engine.heartbeat.concurrency_key is 'Empty for none';
comment on column engine.heartbeat.snapshot_id is 'The watched snapshot: a beat with another one moves nothing';
comment on column engine.heartbeat.interval_ms is 'How far a beat moves the deadline, milliseconds';
comment on column engine.heartbeat.check_at is 'When the tick checks this row; never later than deadline_at';
comment on column engine.heartbeat.acquired_at is 'Since when the run holds its slot, or is watched without one';
