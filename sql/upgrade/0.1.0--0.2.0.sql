-- Changes of the tables of 0.1.0. Views and functions are created again after this (tests/harness/update_script.rs).

-- The script of 0.1.0 bound its constraints to whatever the schema of its functions held.
alter table engine.environment
    drop constraint environment_shard_check,
    drop constraint environment_concurrency_limit_check,
    drop constraint environment_burst_factor_check,
    drop constraint environment_max_queue_size_check,
    add constraint environment_shard_check check (shard between 0 and 1295),
    add constraint environment_concurrency_limit_check check (concurrency_limit >= 0),
    add constraint environment_burst_factor_check check (burst_factor >= 1),
    add constraint environment_max_queue_size_check check (max_queue_size >= 0);

alter table engine.queue
    drop constraint queue_concurrency_limit_check,
    drop constraint queue_override_limit_check,
    drop constraint queue_max_size_check,
    add constraint queue_concurrency_limit_check check (concurrency_limit >= 0),
    add constraint queue_override_limit_check check (override_limit >= 0),
    add constraint queue_max_size_check check (max_size >= 0);

alter table engine.queue add column is_fitted boolean not null default true;
comment on column engine.queue.is_fitted is 'Whether the tick has adapted slots and items to its limits since these were set';

-- The hot tables have none: Postgres parses each constraint from its text for every statement. engine_check() compares.
alter table engine.run
    drop constraint run_max_attempts_check,
    drop constraint run_max_duration_seconds_check;

alter table engine.run_state
    drop constraint run_state_snapshot_ordinal_check,
    drop constraint run_state_attempt_number_check;

alter table engine.snapshot
    drop constraint snapshot_run_status_check,
    alter column is_valid drop expression,
    alter column is_valid set default true;

alter table engine.heartbeat
    drop constraint heartbeat_interval_ms_check,
    drop constraint heartbeat_checked_in_time;

alter table engine.edge
    drop constraint edge_batch_index_check,
    add constraint edge_batch_index_check check (batch_index >= -1);

alter table engine.timer
    drop constraint timer_kind_check,
    add constraint timer_kind_check check (kind in ( 'CANCEL_RUN', 'END_DELAY', 'PROMOTE', 'FINISH_WAITPOINT', 'CONTINUE_RUN', 'COMPLETE_BATCH', 'EXPIRE_BATCH', 'END_KEEP', 'FIT_LIMITS'));

alter table engine.machine
    drop constraint machine_cpu_check,
    drop constraint machine_memory_check,
    drop constraint machine_cents_per_ms_check,
    add constraint machine_cpu_check check (cpu >= 0),
    add constraint machine_memory_check check (memory >= 0),
    add constraint machine_cents_per_ms_check check (cents_per_ms >= 0);

alter table engine.batch
    drop constraint batch_run_count_check,
    drop constraint batch_check,
    add constraint batch_run_count_check check (run_count >= 0),
    add constraint batch_check check (failed_count <= item_count);

alter table engine.batch_item
    drop constraint batch_item_item_index_check,
    add constraint batch_item_item_index_check check (item_index >= 0);

alter table engine.trigger_key
    drop constraint trigger_key_kind_check,
    add constraint trigger_key_kind_check check (kind in ('IDEMPOTENCY', 'DEBOUNCE', 'ONE_TIME_TOKEN'));

alter table engine.schedule
    drop constraint schedule_phase_check,
    drop constraint schedule_next,
    add constraint schedule_phase_check check (phase >= 0),
    add constraint schedule_next check (num_nulls(next_nominal_at, next_effective_at, next_at) in (0, 3));

-- Functions whose parameters have changed. Each is created again with a symbol of another name (engine-ext/src/outdated.rs).
drop function @extschema@.engine_block(text, text[], text, integer[], text, text, timestamptz, text);
drop function @extschema@.engine_events(bigint, integer);
drop function @extschema@.engine_fail(text, text, text);
drop function @extschema@.engine_replay(text);
drop function @extschema@.engine_start_attempt(text, text, text, text, boolean);
drop function @extschema@.engine_start_many(text[], text[], text, text, boolean);
drop function @extschema@.engine_trigger(
    text, text, text, text, text, text, text, bigint, integer, integer, text, text[], jsonb, boolean, jsonb, jsonb,
    timestamptz, text, text, jsonb, text, boolean, text, timestamptz, text, text, timestamptz, jsonb, text, text);
drop function @extschema@.engine_set_environment(
    text, text, text, text, integer, double precision, boolean, boolean, boolean, integer);
drop function @extschema@.engine_set_queue(text, text, integer, boolean, integer, integer);

-- One that returns more columns.
drop function @extschema@.engine_heartbeat_many(text[], text[], text, text);

alter table engine.environment
    add column retry jsonb;

comment on column engine.run.retry is 'Retry settings with the keys maxAttempts, factor, minTimeoutInMs, maxTimeoutInMs, randomize, outOfMemory';

comment on column engine.environment.retry is 'Retry policy of runs without one of their own or of their task; null for none';

alter table engine.run_state
    add column released_attempts integer,
    alter column queue_attempts drop not null,
    alter column queue_attempts drop default;

comment on column engine.run_state.released_attempts is 'How many of its attempts do not count against max_attempts: its worker released it during them; null for zero';

-- What the latest snapshot carries on is part of the state: no statement that moves a run reads its history.
alter table engine.run_state
    add column last_ordinal integer,
    add column batch_id text collate "C",
    add column checkpoint_id text collate "C",
    add column completed_waitpoint_ids text[],
    add column completed_waitpoint_order text[],
    add column prepared_at timestamptz,
    add column attempt_batch_id text collate "C",
    add column keep_ms bigint;

update engine.run_state as s
set batch_id = p.batch_id,
    checkpoint_id = p.checkpoint_id,
    completed_waitpoint_ids = p.completed_waitpoint_ids,
    completed_waitpoint_order = p.completed_waitpoint_order
from engine.snapshot as p
where p.shard = s.shard and p.run_id = s.run_id and p.ordinal = s.snapshot_ordinal
  and (p.batch_id is not null or p.checkpoint_id is not null or p.completed_waitpoint_ids is not null);

update engine.run_state as s
set last_ordinal = p.ordinal
from (
    select p.shard, p.run_id, max(p.ordinal) as ordinal
    from engine.snapshot as p
    where not p.is_valid
    group by p.shard, p.run_id
) as p
where p.shard = s.shard and p.run_id = s.run_id;

update engine.run_state as s
set prepared_at = b.created_at,
    attempt_batch_id = a.batch_id
from (
    select distinct on (a.shard, a.run_id) a.shard, a.run_id, a.ordinal, a.batch_id
    from engine.snapshot as a
    where a.transition = 'STARTED'
    order by a.shard, a.run_id, a.ordinal desc
) as a
join engine.snapshot as b on b.shard = a.shard and b.run_id = a.run_id and b.ordinal = a.ordinal - 1
where a.shard = s.shard and a.run_id = s.run_id;

comment on column engine.run_state.keep_ms is 'Milliseconds for which it is kept after its end, as its trigger says; null for what the policies say';
comment on column engine.run_state.last_ordinal is 'Ordinal of the last snapshot with an error; null for none';
comment on column engine.run_state.batch_id is 'The batch that the run waits for, as its latest snapshot says';
comment on column engine.run_state.checkpoint_id is 'Its checkpoint, as its latest snapshot says';
comment on column engine.run_state.completed_waitpoint_ids is 'Completed waitpoints, as its latest snapshot says';
comment on column engine.run_state.completed_waitpoint_order is 'Their order, as its latest snapshot says';
comment on column engine.run_state.attempt_batch_id is 'The batch that the run waited for when that attempt started';

-- What most runs have is null from now on, and costs nothing.
alter table engine.run
    alter column payload_type drop not null,
    alter column priority_ms drop not null,
    alter column tags drop not null;

alter table engine.run_state
    alter column cost_in_cents drop not null,
    alter column cost_in_cents drop default,
    alter column base_cost_in_cents drop not null,
    alter column base_cost_in_cents drop default;

comment on column engine.run.payload_type is 'Null for application/json';
comment on column engine.run.priority_ms is 'Milliseconds by which the run moves ahead of its queue timestamp; null for 0';
comment on column engine.run.tags is 'Null for none';
comment on column engine.run_state.started_at is 'First dequeue, unless that is the latest';
comment on column engine.run_state.prepared_at is 'When the attempt that started last became ready to start, unless that is the latest dequeue';
comment on column engine.run_state.cost_in_cents is 'Cost of the time that attempts used, by the machine of each; null for zero, as in development';
comment on column engine.run_state.base_cost_in_cents is 'Null for zero';
comment on column engine.run_state.output_type is 'Of a run that succeeded; null for application/json';

-- What follows from other rows leaves the history: view engine.history has it.
alter table engine.snapshot
    drop column previous_snapshot_id,
    alter column id drop not null,
    alter column description drop not null;

-- The snapshots of most runs have one key, which Postgres stores once.
alter table engine.snapshot drop constraint snapshot_pkey;
create index snapshot_run on engine.snapshot (shard, run_id, (ordinal / 16));
alter table engine.snapshot replica identity full;

comment on column engine.snapshot.description is 'Unless it is the usual one of the transition, or the error';

create index environment_by_shard on engine.environment (shard);

alter table engine.environment add column is_fitted boolean not null default true;
comment on column engine.environment.is_fitted is 'Whether the tick has adapted slots and items to its limits since these were set';

-- Who has paused what is paused already is not known.
alter table engine.environment
    add column paused_at timestamptz,
    add column paused_by text,
    add column pause_reason text,
    add constraint environment_pause check (is_paused or num_nonnulls(paused_at, paused_by, pause_reason) = 0);
comment on column engine.environment.paused_at is 'Since when it is paused; null if it is not, or since before 0.2.0';
comment on column engine.environment.paused_by is 'The role that paused it, or that gave the reason';
comment on column engine.environment.pause_reason is 'Why it is paused, in the words of that role; null for no reason';

alter table engine.queue
    add column paused_at timestamptz,
    add column paused_by text,
    add column pause_reason text,
    add constraint queue_pause check (is_paused or num_nonnulls(paused_at, paused_by, pause_reason) = 0);
comment on column engine.queue.paused_at is 'Since when it is paused; null if it is not, or since before 0.2.0';
comment on column engine.queue.paused_by is 'The role that paused it, or that gave the reason';
comment on column engine.queue.pause_reason is 'Why it is paused, in the words of that role; null for no reason';

-- A run that is removed takes along what belongs to it.
create index waitpoint_history_run on engine.waitpoint_history (shard, run_id);
create index checkpoint_run on engine.checkpoint (shard, run_id) where run_id is not null;
create index notice_run on engine.notice (shard, run_id);
create index notice_position on engine.notice using brin (position) with (autosummarize = on, pages_per_range = 32);
create index trigger_key_run on engine.trigger_key (shard, run_id) where kind <> 'IDEMPOTENCY';

-- Cold: how long runs are kept after they have ended, where that was set. What is not set has its built-in value. Sessions
-- cache this table until Postgres tells them that a row has changed.
create table engine.retention (
    environment_id text collate "C" not null,
    task           text collate "C" not null,
    queue          text collate "C" not null,
    outcome        text collate "C" not null check (outcome in ('', 'COMPLETED', 'CANCELED', 'EXPIRED', 'FAILED', 'DEAD_LETTER')),
    keep           interval check (keep >= '0'),
    set_at         timestamptz not null,
    constraint retention_pkey primary key (environment_id, task, queue, outcome),
    constraint retention_subject check (task = '' or queue = '')
);

comment on table engine.retention is 'How long runs are kept after they have ended, where that was set; engine_retention() has the built-in values, too';
comment on column engine.retention.environment_id is 'Empty for every environment';
comment on column engine.retention.task is 'Empty for every task';
comment on column engine.retention.queue is 'Empty for every queue';
comment on column engine.retention.outcome is 'Empty for every outcome';
comment on column engine.retention.keep is 'Null for ever';

-- When the sweep looks at runs. A stretch begins with its id and ends before the next one; together they are all runs, those
-- to come as well. Only the session that sweeps writes here.
create table engine.stretch (
    shard     smallint not null,
    first_id  text collate "C" not null,
    due_at    timestamptz not null,
    looked_at timestamptz not null,
    run_count integer not null check (run_count >= 0),
    constraint stretch_pkey primary key (shard, first_id)
);

create index stretch_due on engine.stretch (due_at);

comment on table engine.stretch is 'Stretches of runs, by their ids, and when the sweep looks at each for runs to remove';
comment on column engine.stretch.due_at is 'When the sweep looks at it';
comment on column engine.stretch.looked_at is 'When the sweep looked at it last';
comment on column engine.stretch.run_count is 'How many runs were left in it';

select pg_catalog.pg_extension_config_dump('engine.retention', '');
select pg_catalog.pg_extension_config_dump('engine.stretch', '');

-- 0.1.0 kept every run: so does this database, until its operators say otherwise.
insert into engine.retention (environment_id, task, queue, outcome, keep, set_at)
values ('', '', '', '', null, pg_catalog.now());
-- The last turn of each worker that names its turns.
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

create index turn_expiry on engine.turn (forget_at);

comment on table engine.turn is 'The last turn of each worker, for a worker that has lost the answer';
comment on column engine.turn.digest is 'SHA-256 of what the worker reported and asked for';
comment on column engine.turn.refused is 'SQLSTATE and message of each completion that was refused, by its position; null for none';
comment on column engine.turn.run_ids is 'The runs that started';
comment on column engine.turn.snapshot_ids is 'The snapshots of their starts';
comment on column engine.turn.forget_at is 'A whole hour, after which the tick forgets the turn';
select pg_catalog.pg_extension_config_dump('engine.turn', '');

-- Moments that 0.1.0 accepted from callers, or computed until they were infinite, and that no reader of JSON supports. NULL stays.
update engine.run
set queue_timestamp = case when queue_timestamp is not null then least(greatest(queue_timestamp, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end,
    delay_until = case when delay_until is not null then least(greatest(delay_until, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where queue_timestamp < '0001-01-01 00:00:00+00' or queue_timestamp > '9999-12-31 00:00:00+00'
   or delay_until < '0001-01-01 00:00:00+00' or delay_until > '9999-12-31 00:00:00+00';

update engine.run_state
set completed_at = case when completed_at is not null then least(greatest(completed_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where completed_at < '0001-01-01 00:00:00+00' or completed_at > '9999-12-31 00:00:00+00';

-- One look of a dequeue finds the environments of all shards, and one of the tick what is due on all of them: these indexes do not
-- begin with the shard any more.
drop index
    engine.queue_item_claim, engine.queue_item_expiry, engine.lane_open, engine.release_environment, engine.heartbeat_check,
    engine.timer_due, engine.trigger_key_expiry, engine.schedule_due;
create index queue_item_order on engine.queue_item (
    worker_queue, environment_id, is_ahead, available_at, run_id)
    where not is_filed;
create index queue_item_expiry on engine.queue_item (expires_at) where expires_at is not null;
create index lane_open on engine.lane (worker_queue, environment_id, head_at) where is_open;
create index release_environment on engine.release (environment_id, queue, concurrency_key);
create index heartbeat_check on engine.heartbeat (check_at);
create index timer_due on engine.timer (due_at);
create index trigger_key_expiry on engine.trigger_key (expires_at) where expires_at is not null;
create index schedule_due on engine.schedule (next_at) where next_at is not null;

update engine.queue_item
set available_at = case when available_at is not null then least(greatest(available_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end,
    expires_at = case when expires_at is not null then least(greatest(expires_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where available_at < '0001-01-01 00:00:00+00' or available_at > '9999-12-31 00:00:00+00'
   or expires_at < '0001-01-01 00:00:00+00' or expires_at > '9999-12-31 00:00:00+00';

update engine.lane
set head_at = case when head_at is not null then least(greatest(head_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where head_at < '0001-01-01 00:00:00+00' or head_at > '9999-12-31 00:00:00+00';

update engine.waitpoint
set completed_after = case when completed_after is not null then least(greatest(completed_after, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end,
    idempotency_key_expires_at = case when idempotency_key_expires_at is not null then least(greatest(idempotency_key_expires_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where completed_after < '0001-01-01 00:00:00+00' or completed_after > '9999-12-31 00:00:00+00'
   or idempotency_key_expires_at < '0001-01-01 00:00:00+00' or idempotency_key_expires_at > '9999-12-31 00:00:00+00';

update engine.timer
set due_at = case when due_at is not null then least(greatest(due_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where due_at < '0001-01-01 00:00:00+00' or due_at > '9999-12-31 00:00:00+00';

update engine.batch
set idempotency_key_expires_at = case when idempotency_key_expires_at is not null then least(greatest(idempotency_key_expires_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where idempotency_key_expires_at < '0001-01-01 00:00:00+00' or idempotency_key_expires_at > '9999-12-31 00:00:00+00';

update engine.trigger_key
set expires_at = case when expires_at is not null then least(greatest(expires_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where expires_at < '0001-01-01 00:00:00+00' or expires_at > '9999-12-31 00:00:00+00';

update engine.snapshot
set detail = detail || jsonb_build_object('retryAt', '9999-12-31T00:00:00Z')
where detail ->> 'retryAt' in ('infinity', '-infinity');

-- 0.1.0 took concurrency keys that no index of slots can hold: each dequeue that counted such a slot failed. Their digest takes
-- their place, so that runs with the same key still share its limit.
update engine.run
set concurrency_key = 'sha256:' || encode(sha256(convert_to(concurrency_key, 'UTF8')), 'hex')
where octet_length(concurrency_key) > 1000;

update engine.queue_item
set concurrency_key = 'sha256:' || encode(sha256(convert_to(concurrency_key, 'UTF8')), 'hex')
where octet_length(concurrency_key) > 1000;

update engine.heartbeat
set concurrency_key = 'sha256:' || encode(sha256(convert_to(concurrency_key, 'UTF8')), 'hex')
where octet_length(concurrency_key) > 1000;

update engine.lane
set concurrency_key = 'sha256:' || encode(sha256(convert_to(concurrency_key, 'UTF8')), 'hex')
where octet_length(concurrency_key) > 1000;

update engine.release
set concurrency_key = 'sha256:' || encode(sha256(convert_to(concurrency_key, 'UTF8')), 'hex')
where octet_length(concurrency_key) > 1000;

-- A parked run never expired; those that have a time to live and are due begin it now.
alter table engine.parked
    add column expires_at timestamptz;

create index parked_expiry on engine.parked (expires_at) where expires_at is not null;

comment on column engine.parked.expires_at is 'When its time to live has passed, as its queue item said; null if it has none, or its due time was moved since';

update engine.parked as p
set expires_at = now() + r.ttl::interval
from engine.run as r
join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
where r.shard = p.shard and r.id = p.run_id and r.ttl is not null and s.dequeued_at is null
  and coalesce(r.delay_until, now()) <= now();

-- Comments in other words.
comment on type engine.execution_status is 'A run''s status for the engine, that of its latest snapshot';
comment on type engine.run_status is 'A run''s status for its owner; the last eight are final';
comment on type engine.transition is 'The cause of a snapshot';
comment on column engine.environment.burst_factor is 'Factor by which several queues together may exceed the limit; a single queue never does';
comment on column engine.environment.max_queue_size is 'Queued runs per queue at which triggers are refused; null for no limit';
comment on column engine.environment.reserves_slots is 'Whether dequeues reserve slots of the limit in shared memory, and no lane has it: if the library is preloaded and nothing may burst';
comment on column engine.environment.shard is 'Where the runs of this environment live; the last two characters of their ids are its number in base 36';
comment on column engine.queue.max_size is 'Queued runs at which triggers are refused; null for the environment''s setting';
comment on column engine.queue.override_limit is 'Replaces the limit while it is set';
comment on table engine.environment is 'Configured environments; "default" exists without a row';
comment on table engine.queue is 'Configured queues; any other name is a queue without a limit of its own';
comment on column engine.run.debounce is 'key, delay and createdAt of a debounced run';
comment on column engine.run.delay_until is 'Earliest time of the first attempt; null for none';
comment on column engine.run.id is 'Without its prefix: users see run_<id>';
comment on column engine.run.idempotency_key is 'As the caller wrote it; engine.trigger_key tells which run has it now';
comment on column engine.run.queue_timestamp is 'Queue order before priority; kept when the run resumes';
comment on column engine.run.ttl is 'How long it may wait in its queue before its first dequeue, such as 10m';
comment on column engine.run.version is 'The worker version that it is bound to; null for the current one';
comment on column engine.run_state.attempt_number is 'Number of the attempt that started last; null before the first';
comment on column engine.run_state.has_waitpoint is 'Whether a waitpoint waits, or has waited, for the end of the run';
comment on column engine.run_state.is_dead_lettered is 'Whether the queue gave the run up: engine_redrive requeues it';
comment on column engine.run_state.max_duration_seconds is 'Time limit of an attempt, resolved when the run is dequeued by a version; null for the run''s own';
comment on column engine.run_state.queue_attempts is 'How often the run was requeued because its worker was lost; null for zero';
comment on column engine.run_state.retry is 'Retry settings, resolved at the first dequeue';
comment on column engine.run_state.snapshot_id is 'The latest snapshot, which is the fencing token';
comment on column engine.run_state.status_reason is 'Why the run is parked';
comment on column engine.run_state.version is 'The version that executes it, from its first dequeue on';
comment on table engine.run is 'Runs as they were triggered; engine.run_state and engine.snapshot have their state and history';
comment on table engine.run_state is 'The state of runs: one row per run, locked by every operation on the run';
comment on column engine.snapshot.completed_waitpoint_ids is 'Waitpoints whose completion this snapshot records, each once; null for none';
comment on column engine.snapshot.completed_waitpoint_order is 'Ids of those that have an index, by index; an id may occur twice; null for none';
comment on column engine.snapshot.detail is 'Details for the events of this transition: error, attemptError, retryAt, nextMachineAfterOOM, and of a dead letter usageDurationMs, costInCents';
comment on column engine.snapshot.horizon is 'Every transaction that drew a smaller position has a smaller id than this: once all of them have ended, no row can appear before this one';
comment on column engine.snapshot.id is 'Null, except in histories of versions before 0.2.0: it follows from the ordinal (view engine.history). Increases as text within a run; users see snapshot_<id>';
comment on column engine.snapshot.machine is 'The requested machine, on the snapshot of a dequeue';
comment on column engine.snapshot.position is 'Position in the order of all events';
comment on column engine.snapshot.run_status is 'Status of the run at this moment; PENDING instead of DEQUEUED';
comment on column engine.snapshot.transition is 'The cause of this snapshot';
comment on column engine.lane.is_open is 'Whether the lane had a free slot when it was last settled; a later release is a row of engine.release';
comment on column engine.queue_item.available_at is 'Queue order and earliest dequeue: queue timestamp minus priority, or the time of a retry';
comment on column engine.queue_item.expires_at is 'From when on it is not dequeued any more, even before the tick expires it; null for never';
comment on column engine.queue_item.is_ahead is 'Whether the item was available before it was written: it precedes items that may have been claimed since';
comment on column engine.queue_item.is_filed is 'Whether the item was read while its lane was full, and is found through its lane from now on';
comment on column engine.queue_item.is_sized is 'Whether the item counts against the maximum size of its queue';
comment on table engine.release is 'Slots that were given back, for the next dequeue to look at';
comment on column engine.heartbeat.check_at is 'When the tick checks this row; never later than deadline_at';
comment on column engine.heartbeat.holds_slot is 'Whether the run holds a slot: in every status but SUSPENDED and PENDING_CANCEL';
comment on column engine.heartbeat.is_noted is 'Whether giving the slot back leaves a note: its lane has a limit, and may have filed items';
comment on column engine.heartbeat.snapshot_id is 'The watched snapshot: a beat with another one moves nothing';
comment on column engine.edge.batch_index is 'Index of the waitpoint in the run''s results; -1 for none';
comment on column engine.edge.span_id is 'The span that the completion ends, in the event cachedRunCompleted';
comment on column engine.waitpoint.idempotency_key is 'The caller''s key; without one, the waitpoint''s own id, or any other text that no caller passes';
comment on column engine.waitpoint.inactive_idempotency_key is 'The caller''s key after it expired and another waitpoint took it';
comment on table engine.edge is 'Runs and the waitpoints that they wait for: only runs that are EXECUTING_WITH_WAITPOINTS, SUSPENDED or PENDING_CANCEL have edges';
comment on table engine.waitpoint is 'Waitpoints: runs wait for another run, a time, a caller, a batch';
comment on table engine.checkpoint is 'Checkpoints: where the frozen process of a suspended run is stored; many snapshots may name one';
comment on column engine.notice.position is 'Position in the order of all events, as engine.snapshot.position';
comment on column engine.timer.id is 'The run, environment, waitpoint or batch that it is about; for CONTINUE_RUN and COMPLETE_BATCH followed by a slash and the cause, so that concurrent sessions write different rows';
comment on column engine.timer.kind is 'The action of the tick: CANCEL_RUN, END_DELAY, …';
comment on table engine.timer is 'Actions that are due at a time: at most one of each kind per subject';
comment on table engine.machine is 'Configured machine presets; the others have their built-in values and cost nothing';
comment on column engine.batch.failed_count is 'Number of items that could not be triggered';
comment on column engine.batch.item_count is 'Number of items added';
comment on column engine.batch.next_index is 'One more than the greatest index of its items';
comment on column engine.batch.options is 'Data that its creator stored with it';
comment on column engine.batch.run_count is 'Number of items announced; null until the batch is sealed if it was not announced';
comment on column engine.batch.sealed_at is 'Since when it accepts no more items; all its items have been triggered';
comment on column engine.batch_item.request is 'An item that could not be triggered, as it was passed to engine_add_to_batch';
comment on column engine.batch_item.run_id is 'The run; an existing one, if the item had its key; for an item that could not be triggered, a failed run';
comment on table engine.batch is 'Batches: runs that are triggered together and awaited together';
comment on table engine.batch_item is 'Items of batches: each became a run, which starts as failed if it could not be triggered';
comment on column engine.trigger_key.digest is 'SHA-256 of the key and its scope: a key may be longer than an index entry';
comment on column engine.trigger_key.expires_at is 'When the key is forgotten; null for never';
comment on column engine.worker.image is 'The image that it starts from; required except in development';
comment on column engine.worker.is_current is 'Whether it executes runs that are not bound to another version';
comment on column engine.worker.queues is 'Queues that it knows, besides those named after its tasks';
comment on table engine.worker is 'Registered versions of workers, with their tasks and queues';
comment on column engine.schedule.cron is 'Minute, hour, day of month, month, day of week; optionally preceded by seconds';
comment on column engine.schedule.last_error is 'Why the last tick made no run; null if it made one';
comment on column engine.schedule.last_nominal_at is 'The tick of its last run';
comment on column engine.schedule.next_at is 'When the next run is made';
comment on column engine.schedule.next_effective_at is 'Earliest dequeue of the next run';
comment on column engine.schedule.next_nominal_at is 'The next tick; null while it is not active';
comment on column engine.schedule.phase is 'Position in its window; kept once it was spread';
comment on column engine.schedule.spread_window is 'How long after its ticks a run may begin: 30m, 2h, 10%';
comment on table engine.schedule is 'Schedules: they make runs at the ticks of a cron expression';

-- Up to where events were removed: one row per shard that ever lost one, raised in the transaction that removes them. A reader
-- that continues before it has missed something, and is told so.
create table engine.event_horizon (
    shard    smallint not null,
    position bigint not null,
    moved_at timestamptz not null,
    constraint event_horizon_pkey primary key (shard)
);

comment on table engine.event_horizon is 'Up to where events of a shard were removed';
comment on column engine.event_horizon.position is 'The greatest position of an event that was removed; 0 if none was';

-- Named readers: one row per reader and shard, so that a shard takes the positions of its readers along.
create table engine.event_reader_position (
    shard           smallint not null,
    name            text collate "C" not null,
    position        bigint not null,
    row_position    bigint not null,
    max_lag_ms      bigint not null,
    created_at      timestamptz not null,
    acknowledged_at timestamptz,
    constraint event_reader_position_pkey primary key (shard, name)
);

comment on table engine.event_reader_position is 'Named readers of events, and what each has acknowledged; view engine.event_reader';
comment on column engine.event_reader_position.position is 'The last acknowledged event';
comment on column engine.event_reader_position.row_position is 'All events of rows up to this position are acknowledged: such rows may be removed';
comment on column engine.event_reader_position.max_lag_ms is 'Age up to which events are kept for this reader';

select pg_catalog.pg_extension_config_dump('engine.event_horizon', '');
select pg_catalog.pg_extension_config_dump('engine.event_reader_position', '');

-- Sessions cache environments, queues, machines, versions of workers and retention. A change of any of them is announced as a
-- change of this table, which no statement reads: plans that read a changed table would be dropped as well.
create table engine.setting_change ();

comment on table engine.setting_change is 'Always empty: what sessions cache of the settings is read again after a message about this table';

-- Sessions remember the environments of runs. A removal is announced as a change of this table, which no statement reads.
create table engine.run_removal ();

comment on table engine.run_removal is 'Always empty: what sessions remember of runs is forgotten after a message about this table';

create sequence engine.test_clock minvalue 0 start 0;
comment on sequence engine.test_clock is 'How far tests have moved the clock of this database ahead, microseconds';

-- Cold: what roles may do, beside the rights that Postgres keeps. Role 0 stands for PUBLIC. A role that was dropped leaves its
-- rows until the next grant or revocation.
create table engine.grant (
    role           regrole not null,
    capability     text collate "C" not null check (capability in ('trigger', 'work', 'wait', 'read', 'operate', 'tick')),
    environment_id text collate "C" not null,
    granted_at     timestamptz not null,
    constraint grant_pkey primary key (role, capability, environment_id)
);

comment on table engine.grant is 'What roles may do, by capability and environment; engine.permission has their members as well';
comment on column engine.grant.role is '0 for PUBLIC';
comment on column engine.grant.environment_id is '* for every environment';

select pg_catalog.pg_extension_config_dump('engine.grant', '');

-- Cold: what an environment may use at most. One without a row, and a null, have no bound.
create table engine.quota (
    environment_id  text collate "C" not null,
    queued_runs     bigint check (queued_runs >= 0),
    runs_per_second double precision check (runs_per_second >= 0),
    payload_bytes   bigint check (payload_bytes >= 0),
    kept_bytes      bigint check (kept_bytes >= 0),
    schedules       integer check (schedules >= 0),
    set_at          timestamptz not null,
    constraint quota_pkey primary key (environment_id)
);

comment on table engine.quota is 'What environments may use at most, where that was set';
comment on column engine.quota.queued_runs is 'Runs that wait: queued, delayed or parked';
comment on column engine.quota.runs_per_second is 'New runs per second, on average';
comment on column engine.quota.payload_bytes is 'Bytes of one run''s payload';
comment on column engine.quota.kept_bytes is 'Bytes of the payloads of all runs that are kept';

-- What environments with a quota have used. A trigger locks the row of its environment before all else, and changes it in place: the
-- next one reads what this one has committed.
create table engine.quota_use (
    environment_id text collate "C" not null,
    tokens         double precision not null,
    refilled_at    timestamptz not null,
    queued_bound   bigint not null,
    kept_bytes     bigint not null,
    constraint quota_use_pkey primary key (environment_id)
) with (fillfactor = 20);

comment on table engine.quota_use is 'What environments with a quota have used';
comment on column engine.quota_use.tokens is 'How many runs could be triggered at once at that time; less than none if a call has triggered more';
comment on column engine.quota_use.queued_bound is 'At most so many runs wait: those that did when they were counted, and all that were triggered since';
comment on column engine.quota_use.kept_bytes is 'Bytes of payloads, before those in engine.quota_return are taken away';

-- Payloads that were removed: the next trigger takes them away. Removing one waits for no trigger.
create table engine.quota_return (
    environment_id text collate "C" not null,
    bytes          bigint not null
);

create index quota_return_environment on engine.quota_return (environment_id);

comment on table engine.quota_return is 'Bytes of payloads that were removed, for the next trigger to take away';
comment on column engine.quota_return.bytes is 'Less than none if a payload was replaced by a longer one';

select pg_catalog.pg_extension_config_dump('engine.quota', '');
select pg_catalog.pg_extension_config_dump('engine.quota_use', '');
select pg_catalog.pg_extension_config_dump('engine.quota_return', '');
-- Bulk actions: one action on all runs that match a filter.
create table engine.bulk_action (
    id              text collate "C" not null,
    shard           smallint not null,
    after_id        text collate "C" not null,
    action          text collate "C" not null check (action in (
        'cancel', 'replay', 'redrive', 'release', 'reschedule', 'move', 'set_priority', 'forget')),
    state           text collate "C" not null check (state in ('RUNNING', 'STOPPED', 'COMPLETED')),
    filter          jsonb not null,
    options         jsonb not null,
    reason          text,
    environment_ids text[],
    created_by      text not null,
    session_role    text not null,
    created_at      timestamptz not null,
    worked_at       timestamptz not null,
    finished_at     timestamptz,
    total           bigint not null,
    is_total_exact  boolean not null,
    done            bigint not null default 0,
    skipped         bigint not null default 0,
    refused         bigint not null default 0,
    refused_by      jsonb not null default '{}',
    locked_ids      text[] not null default '{}',
    constraint bulk_action_pkey primary key (id),
    constraint bulk_action_finished check ((finished_at is null) = (state = 'RUNNING'))
);

create index bulk_action_running on engine.bulk_action (worked_at) where state = 'RUNNING';

comment on table engine.bulk_action is 'Bulk actions, running and past, with how far each has come; view engine.bulk';
comment on column engine.bulk_action.id is 'Without its prefix: users see bulk_<id>';
comment on column engine.bulk_action.shard is 'The shard that its next step is about';
comment on column engine.bulk_action.after_id is 'The last run of that shard that it has looked at';
comment on column engine.bulk_action.environment_ids is 'The environments in which its caller may act; null for all';
comment on column engine.bulk_action.created_by is 'The role that has started it';
comment on column engine.bulk_action.session_role is 'The role with which that session had connected';
comment on column engine.bulk_action.created_at is 'It is about runs that existed then, and of those that have ended, about those that had ended then';
comment on column engine.bulk_action.total is 'How many runs matched at its start';
comment on column engine.bulk_action.is_total_exact is 'Whether all of them were counted';
comment on column engine.bulk_action.skipped is 'Runs that had moved on when their turn came';
comment on column engine.bulk_action.refused_by is 'How many runs were refused, by SQLSTATE';
comment on column engine.bulk_action.locked_ids is 'Runs that other sessions had locked when their turn came: the next step tries again';

select pg_catalog.pg_extension_config_dump('engine.bulk_action', '');

-- Runs that failed, so that they are found without the others.
create table engine.failure (
    failed_at        timestamptz not null,
    triggered_at     timestamptz not null,
    run_status       engine.run_status not null,
    shard            smallint not null,
    is_dead_lettered boolean not null,
    run_id           text collate "C" not null,
    environment_id   text collate "C" not null,
    task             text not null,
    queue            text collate "C" not null,
    concurrency_key  text collate "C",
    version          text,
    error_code       text,
    fingerprint      text collate "C" not null,
    message          text not null,
    constraint failure_pkey primary key (shard, run_id)
);

create index failure_environment on engine.failure (shard, environment_id, failed_at);

comment on table engine.failure is 'Runs that failed, with what their errors have in common; view engine.failed_run';
comment on column engine.failure.failed_at is 'When the run ended';
comment on column engine.failure.version is 'The version that executed it, or that it was bound to';
comment on column engine.failure.error_code is 'The code of its error, its name, or else its type; null for no error';
comment on column engine.failure.fingerprint is 'The message without numbers, ids, quoted texts, addresses and paths, cut';
comment on column engine.failure.message is 'The first line of the message, cut';

select pg_catalog.pg_extension_config_dump('engine.failure', '');

-- Those that had failed before. This reads every state once, in the order of the disk, and the runs of those that failed: the time it
-- takes is that of reading the table.
create function engine.failure_of(error jsonb)
returns text[]
language c immutable strict parallel safe
as 'MODULE_PATHNAME', 'engine_failure_of_wrapper';

insert into engine.failure (
    failed_at, triggered_at, run_status, shard, is_dead_lettered, run_id, environment_id, task, queue, concurrency_key, version,
    error_code, fingerprint, message)
select coalesce(s.completed_at, s.updated_at), r.created_at, s.run_status, r.shard, s.is_dead_lettered, r.id, r.environment_id, r.task,
       r.queue, r.concurrency_key, coalesce(s.version, r.version), f.error[1], coalesce(f.error[2], ''), coalesce(f.error[3], '')
from engine.run_state as s
join engine.run as r on r.shard = s.shard and r.id = s.run_id
cross join lateral (
    select engine.failure_of(s.error) as error
    offset 0
) as f
where s.run_status in ('COMPLETED_WITH_ERRORS', 'SYSTEM_FAILURE', 'CRASHED', 'INTERRUPTED', 'TIMED_OUT', 'EXPIRED');

drop function engine.failure_of(jsonb);

-- What exists stays on shard 0.
create table engine.shard (
    number     smallint not null check (number between 0 and 1295),
    state      text collate "C" not null check (state in ('SERVING', 'MOVING', 'AWAY')),
    place      text,
    changed_at timestamptz not null,
    has_come   boolean not null,
    constraint shard_pkey primary key (number)
);

comment on table engine.shard is 'Shards on record: without a record, the shards 0 to 63 are served, and no others; view engine.shard_state';
comment on column engine.shard.state is 'SERVING; MOVING while another database is about to serve it; AWAY if this one does not';
comment on column engine.shard.has_come is 'Whether its runs have come from another database: their events have no order with those of other shards';
comment on column engine.shard.place is 'Where the shard is, for the error of who asks here';

select pg_catalog.pg_extension_config_dump('engine.shard', '');

-- What each worker last told of itself, also while it has nothing to do. Updated in place, every ten seconds.
create table engine.worker_report (
    environment_id text collate "C" not null,
    worker_id      text collate "C" not null,
    runner_id      text collate "C" not null,
    worker_queue   text collate "C" not null,
    version        text collate "C",
    capacity       integer not null check (capacity > 0),
    started_at     timestamptz not null,
    reported_at    timestamptz not null,
    forget_at      timestamptz not null,
    constraint worker_report_pkey primary key (environment_id, worker_id, runner_id)
) with (fillfactor = 50);

-- The tick forgets workers that are gone.
create index worker_report_expiry on engine.worker_report (forget_at);

comment on table engine.worker_report is 'Workers, as each last told of itself; view engine.worker_state';
comment on column engine.worker_report.environment_id is 'The environment whose runs it executes; empty for any';
comment on column engine.worker_report.capacity is 'How many runs it holds at once, at most';
comment on column engine.worker_report.started_at is 'When it told of itself first';
comment on column engine.worker_report.forget_at is 'A whole hour, after which the tick forgets it';

select pg_catalog.pg_extension_config_dump('engine.worker_report', '');

-- What happened in each minute of the last three hours, by task: gathered by the tick from the history, a few seconds later. Of many
-- tasks, those with most events have rows; the others have one together, without a name. So its size is bounded, however much happens.
create table engine.minute (
    minute         timestamptz not null,
    environment_id text collate "C" not null,
    task           text collate "C" not null,
    triggered      bigint not null,
    dequeued       bigint not null,
    succeeded      bigint not null,
    failed         bigint not null,
    cancelled      bigint not null,
    retried        bigint not null,
    wait_counts    integer[],
    run_counts     integer[],
    constraint minute_pkey primary key (minute, environment_id, task)
) with (fillfactor = 50);

-- How far the history is gathered: one row, updated in place.
create table engine.minute_mark (
    is_only           boolean not null default true check (is_only),
    gathered_position bigint not null,
    next_position     bigint not null,
    marked_at         timestamptz not null,
    complete_since    timestamptz,
    constraint minute_mark_pkey primary key (is_only)
);

comment on table engine.minute is 'What happened per minute and task in the last three hours; views engine.minute_history and engine.latency';
comment on column engine.minute.environment_id is 'Empty for the tasks that have no rows of their own';
comment on column engine.minute.cancelled is 'Cancelled or expired';
comment on column engine.minute.wait_counts is 'How many runs waited for their dequeue for how long: n counts from 2^((n-1)/3) to 2^(n/3) ms, the first also less; null for none';
comment on column engine.minute.run_counts is 'The same of how long attempts took';
comment on table engine.minute_mark is 'How far the tick has gathered what engine.minute has, in one row';
comment on column engine.minute_mark.next_position is 'Up to here it gathers next: what commits late is there by then';
comment on column engine.minute_mark.complete_since is 'Null if nothing before was left out';

select pg_catalog.pg_extension_config_dump('engine.minute', '');
select pg_catalog.pg_extension_config_dump('engine.minute_mark', '');

-- What was done, and by whom: one row per call that is an action, of sessions that say who acts (`engine.actor`). It is written in the
-- transaction of the action, and kept for a year.
create table engine.audit_entry (
    id             bigint generated always as identity,
    acted_at       timestamptz not null,
    actor          text not null,
    role           text not null,
    session_role   text not null,
    action         text collate "C" not null,
    environment_id text collate "C",
    arguments      jsonb not null,
    constraint audit_entry_pkey primary key (id)
);

-- Those that are forgotten are found by their age.
create index audit_entry_time on engine.audit_entry (acted_at);

comment on table engine.audit_entry is 'Actions that somebody took; view engine.audit';
comment on column engine.audit_entry.actor is 'Who, in the words of the session';
comment on column engine.audit_entry.role is 'The role that called';
comment on column engine.audit_entry.session_role is 'The role with which its session had connected';
comment on column engine.audit_entry.environment_id is 'Null if the action names none, and no run or schedule that existed';

select pg_catalog.pg_extension_config_dump('engine.audit_entry', '');
select pg_catalog.pg_extension_config_dump('engine.audit_entry_id_seq', '');

-- Roles may do what they could: each has a capability for every function that it may execute, and no right to execute others.
insert into engine.grant (role, capability, environment_id, granted_at)
select distinct g.grantee::regrole, c.capability, '*', statement_timestamp()
from (values
    ('engine_trigger', 'trigger'),
    ('engine_trigger_many', 'trigger'),
    ('engine_create_batch', 'trigger'),
    ('engine_add_to_batch', 'trigger'),
    ('engine_seal_batch', 'trigger'),
    ('engine_replay', 'trigger'),
    ('engine_create_cancelled_run', 'operate'),
    ('engine_create_failed_run', 'operate'),
    ('engine_reset_idempotency_key', 'trigger'),
    ('engine_cancel', 'trigger'),
    ('engine_reschedule', 'trigger'),
    ('engine_run_result', 'trigger'),
    ('engine_dequeue', 'work'),
    ('engine_start_attempt', 'work'),
    ('engine_start_many', 'work'),
    ('engine_heartbeat', 'work'),
    ('engine_heartbeat_many', 'work'),
    ('engine_complete_attempt', 'work'),
    ('engine_succeed', 'work'),
    ('engine_fail', 'work'),
    ('engine_complete_many', 'work'),
    ('engine_create_datetime_waitpoint', 'work'),
    ('engine_create_manual_waitpoint', 'work'),
    ('engine_run_waitpoint', 'work'),
    ('engine_block', 'work'),
    ('engine_complete_waitpoint', 'wait'),
    ('engine_unblock', 'work'),
    ('engine_create_checkpoint', 'work'),
    ('engine_continue', 'work'),
    ('engine_waitpoint_data', 'work'),
    ('engine_batch_data', 'work'),
    ('engine_execution_data', 'read'),
    ('engine_snapshots_since', 'read'),
    ('engine_upcoming_runs', 'read'),
    ('engine_events', 'read'),
    ('engine_check', 'read'),
    ('engine_redrive', 'operate'),
    ('engine_set_environment', 'operate'),
    ('engine_set_queue', 'operate'),
    ('engine_set_machine', 'operate'),
    ('engine_register_worker', 'operate'),
    ('engine_promote_worker', 'operate'),
    ('engine_set_schedule', 'operate'),
    ('engine_delete_schedule', 'operate'),
    ('engine_tick', 'tick')
) as c(routine, capability)
join pg_proc as p on p.proname = c.routine
join pg_depend as d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
join pg_extension as x on x.oid = d.refobjid and d.refclassid = 'pg_extension'::regclass and x.extname = 'engine'
cross join aclexplode(p.proacl) as g
where g.privilege_type = 'EXECUTE' and g.grantee <> p.proowner;

-- Views show a reader the environments that it may read. Roles that could read them may read all.
insert into engine.grant (role, capability, environment_id, granted_at)
select distinct g.grantee::regrole, 'read', '*', statement_timestamp()
from pg_class as c
cross join aclexplode(c.relacl) as g
where c.relnamespace = 'engine'::regnamespace and c.relkind = 'v' and g.privilege_type = 'SELECT' and g.grantee <> c.relowner
  and c.relname in ('event', 'run_overview', 'slot', 'next_run', 'key_stats', 'queue_stats', 'environment_stats')
on conflict on constraint grant_pkey do nothing;
