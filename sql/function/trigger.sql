-- Runs and batches of runs that callers trigger.

create function @extschema@.engine_trigger(
    task text,
    payload text default '{}',
    payload_type text default 'application/json',
    queue text default null,
    environment_id text default 'default',
    worker_queue text default 'main',
    concurrency_key text default null,
    priority_ms bigint default 0,
    max_attempts integer default null,
    max_duration_seconds integer default null,
    machine text default null,
    tags text[] default null,
    metadata jsonb default null,
    is_test boolean default false,
    trace_context jsonb default null,
    annotations jsonb default null,
    queue_timestamp timestamptz default null,
    replayed_from text default null,
    parent_run_id text default null,
    retry jsonb default null,
    run_id text default null,
    resume_parent boolean default false,
    batch_id text default null,
    delay_until timestamptz default null,
    ttl text default null,
    idempotency_key text default null,
    idempotency_key_expires_at timestamptz default null,
    debounce jsonb default null,
    one_time_use_token text default null,
    version text default null,
    keep text default null)
returns table (
    run_id text, snapshot_id text, run_status text, execution_status text, is_cached boolean, created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_trigger_0_2_call';
revoke all on function @extschema@.engine_trigger from public;
comment on function @extschema@.engine_trigger is 'Triggers a run: writes it, its first snapshot and its queue item, and returns it.';

create function @extschema@.engine_trigger_many(runs jsonb)
returns table (
    run_id text, snapshot_id text, run_status text, execution_status text, is_cached boolean, created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_trigger_many_call';
revoke all on function @extschema@.engine_trigger_many from public;
comment on function @extschema@.engine_trigger_many is 'Triggers many runs in one transaction; one row per element, in order.';

create function @extschema@.engine_create_batch(
    run_count integer default null,
    environment_id text default 'default',
    parent_run_id text default null,
    resume_parent boolean default false,
    idempotency_key text default null,
    idempotency_key_expires_at timestamptz default null,
    expires_at timestamptz default null,
    options jsonb default null,
    worker_id text default null,
    runner_id text default null)
returns table (
    batch_id text, status text, is_cached boolean, run_count integer, item_count integer, waitpoint_id text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_create_batch_call';
revoke all on function @extschema@.engine_create_batch from public;
comment on function @extschema@.engine_create_batch is 'Creates a batch, whose items are added in later calls, and returns it.';

create function @extschema@.engine_add_to_batch(batch_id text, runs jsonb)
returns table (index integer, run_id text, enqueued boolean, error_code text, error_message text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_add_to_batch_call';
revoke all on function @extschema@.engine_add_to_batch from public;
comment on function @extschema@.engine_add_to_batch is 'Adds items to a batch, triggers their runs, and returns one row per element, in order.';

create function @extschema@.engine_seal_batch(batch_id text)
returns table (
    batch_id text, sealed boolean, status text, run_count integer, item_count integer, successful_run_count integer,
    failed_run_count integer)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_seal_batch_call';
revoke all on function @extschema@.engine_seal_batch from public;
comment on function @extschema@.engine_seal_batch is 'Seals a batch if all its items have been added, and returns it.';

create function @extschema@.engine_replay(run_id text, keep_steps boolean default false)
returns table (
    run_id text, snapshot_id text, run_status text, execution_status text, is_cached boolean, created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_replay_0_2_call';
revoke all on function @extschema@.engine_replay from public;
comment on function @extschema@.engine_replay is 'Triggers a new run that does the work of another one again, and returns it.';

create function @extschema@.engine_create_cancelled_run(
    run jsonb,
    cancelled_at timestamptz default null,
    reason text default null,
    emit_event boolean default true)
returns table (
    run_id text, snapshot_id text, run_status text, execution_status text, is_cached boolean, created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_create_cancelled_run_call';
revoke all on function @extschema@.engine_create_cancelled_run from public;
comment on function @extschema@.engine_create_cancelled_run is 'Records a run that was cancelled before it could be triggered.';

create function @extschema@.engine_create_failed_run(run jsonb, error jsonb, emit_event boolean default true)
returns table (
    run_id text, snapshot_id text, run_status text, execution_status text, is_cached boolean, created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_create_failed_run_call';
revoke all on function @extschema@.engine_create_failed_run from public;
comment on function @extschema@.engine_create_failed_run is 'Records a run that could not be triggered, with its error.';

create function @extschema@.engine_reset_idempotency_key(
    task text,
    idempotency_key text,
    environment_id text default 'default')
returns boolean
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_reset_idempotency_key_call';
revoke all on function @extschema@.engine_reset_idempotency_key from public;
comment on function @extschema@.engine_reset_idempotency_key is 'Forgets an idempotency key, so that the next trigger with it makes a new run; returns whether the key existed.';
