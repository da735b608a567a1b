-- What becomes of the tables of 0.1.0. Views and functions are made anew behind this (tests/harness/update_script.rs).

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
comment on column engine.queue.is_fitted is 'Whether slots and items have been fitted to its limits since they were set; the tick does that';

alter table engine.run
    drop constraint run_max_attempts_check,
    drop constraint run_max_duration_seconds_check,
    add constraint run_max_attempts_check check (max_attempts > 0),
    add constraint run_max_duration_seconds_check check (max_duration_seconds > 0);

alter table engine.run_state
    drop constraint run_state_snapshot_ordinal_check,
    drop constraint run_state_attempt_number_check,
    add constraint run_state_snapshot_ordinal_check check (snapshot_ordinal > 0),
    add constraint run_state_attempt_number_check check (attempt_number >= 0);

alter table engine.snapshot
    drop constraint snapshot_run_status_check,
    add constraint snapshot_run_status_check check (run_status <> 'DEQUEUED');

alter table engine.heartbeat
    drop constraint heartbeat_interval_ms_check,
    drop constraint heartbeat_checked_in_time,
    add constraint heartbeat_interval_ms_check check (interval_ms > 0),
    add constraint heartbeat_checked_in_time check (check_at <= deadline_at);

alter table engine.edge
    drop constraint edge_batch_index_check,
    add constraint edge_batch_index_check check (batch_index >= -1);

alter table engine.timer
    drop constraint timer_kind_check,
    add constraint timer_kind_check check (kind in ( 'CANCEL_RUN', 'END_DELAY', 'PROMOTE', 'FINISH_WAITPOINT', 'CONTINUE_RUN', 'COMPLETE_BATCH', 'EXPIRE_BATCH', 'FIT_LIMITS'));

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

-- Functions whose parameters have changed. Each is made anew with a symbol of another name (engine-ext/src/outdated.rs).
drop function @extschema@.engine_fail(text, text, text);
drop function @extschema@.engine_replay(text);
drop function @extschema@.engine_set_environment(
    text, text, text, text, integer, double precision, boolean, boolean, boolean, integer);

alter table engine.environment
    add column retry jsonb;

comment on column engine.run.retry is 'Retry settings with the keys maxAttempts, factor, minTimeoutInMs, maxTimeoutInMs, randomize, outOfMemory';

comment on column engine.environment.retry is 'Retry policy of runs that have none, neither of their own nor of their task; null for none';

alter table engine.run_state
    add column released_attempts integer not null default 0 check (released_attempts >= 0);

comment on column engine.run_state.released_attempts is 'How many of its attempts do not count against max_attempts: its worker gave it back in them';

alter table engine.environment add column is_fitted boolean not null default true;
comment on column engine.environment.is_fitted is 'Whether slots and items have been fitted to its limits since they were set; the tick does that';

-- Moments that 0.1.0 took from callers, or reckoned with until they were infinite, and that no reader of JSON knows. NULL stays.
update engine.run
set queue_timestamp = case when queue_timestamp is not null then least(greatest(queue_timestamp, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end,
    delay_until = case when delay_until is not null then least(greatest(delay_until, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where queue_timestamp < '0001-01-01 00:00:00+00' or queue_timestamp > '9999-12-31 00:00:00+00'
   or delay_until < '0001-01-01 00:00:00+00' or delay_until > '9999-12-31 00:00:00+00';

update engine.run_state
set completed_at = case when completed_at is not null then least(greatest(completed_at, '0001-01-01 00:00:00+00'), '9999-12-31 00:00:00+00') end
where completed_at < '0001-01-01 00:00:00+00' or completed_at > '9999-12-31 00:00:00+00';

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
