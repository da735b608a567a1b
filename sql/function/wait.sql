-- Waitpoints, the runs that wait for them, and checkpoints of runs that wait long.

create function @extschema@.engine_create_datetime_waitpoint(
    completed_after timestamptz,
    environment_id text default 'default',
    idempotency_key text default null,
    idempotency_key_expires_at timestamptz default null)
returns table (waitpoint_id text, status text, is_cached boolean, completed_after timestamptz, created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_create_datetime_waitpoint_call';
revoke all on function @extschema@.engine_create_datetime_waitpoint from public;
comment on function @extschema@.engine_create_datetime_waitpoint is 'Creates a waitpoint that completes itself at a moment, and returns it.';

create function @extschema@.engine_create_manual_waitpoint(
    timeout_at timestamptz default null,
    environment_id text default 'default',
    idempotency_key text default null,
    idempotency_key_expires_at timestamptz default null,
    tags text[] default null)
returns table (waitpoint_id text, status text, is_cached boolean, completed_after timestamptz, created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_create_manual_waitpoint_call';
revoke all on function @extschema@.engine_create_manual_waitpoint from public;
comment on function @extschema@.engine_create_manual_waitpoint is 'Creates a waitpoint for a caller to complete, and returns it.';

create function @extschema@.engine_run_waitpoint(run_id text)
returns table (
    waitpoint_id text, status text, is_cached boolean, output text, output_type text, output_is_error boolean)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_run_waitpoint_call';
revoke all on function @extschema@.engine_run_waitpoint from public;
comment on function @extschema@.engine_run_waitpoint is 'Returns the waitpoint that the end of a run completes, and creates it if there is none.';

create function @extschema@.engine_block(
    run_id text,
    waitpoint_ids text[],
    batch_id text default null,
    batch_indexes integer[] default null,
    worker_id text default null,
    runner_id text default null,
    timeout_at timestamptz default null,
    span_id_to_complete text default null,
    snapshot_id text default null)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz, heartbeat_ms bigint, pending_count integer)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_block_0_2_call';
revoke all on function @extschema@.engine_block from public;
comment on function @extschema@.engine_block is 'Makes a run wait for waitpoints, and returns its latest snapshot.';

create function @extschema@.engine_complete_waitpoint(
    waitpoint_id text,
    output text default null,
    output_type text default null,
    is_error boolean default false,
    environment_id text default null)
returns table (
    waitpoint_id text, status text, completed_at timestamptz, output text, output_type text, output_is_error boolean,
    already_completed boolean)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_complete_waitpoint_call';
revoke all on function @extschema@.engine_complete_waitpoint from public;
comment on function @extschema@.engine_complete_waitpoint is 'Completes a waitpoint, and returns it; runs that have nothing left to wait for resume.';

create function @extschema@.engine_unblock(run_id text)
returns table (
    status text, reason text, run_id text, snapshot_id text, execution_status text, run_status text,
    attempt_number integer, description text, created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_unblock_call';
revoke all on function @extschema@.engine_unblock from public;
comment on function @extschema@.engine_unblock is 'Resumes a run if everything that it waits for is completed, or returns why not.';

create function @extschema@.engine_create_checkpoint(
    run_id text,
    snapshot_id text,
    type text,
    location text,
    image_ref text default null,
    reason text default null,
    worker_id text default null,
    runner_id text default null)
returns table (ok boolean, error text, snapshot_id text, execution_status text, checkpoint_id text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_create_checkpoint_call';
revoke all on function @extschema@.engine_create_checkpoint from public;
comment on function @extschema@.engine_create_checkpoint is 'Suspends a run whose process was frozen: it gives its slot back, and resumes through its queue.';

create function @extschema@.engine_continue(
    run_id text,
    snapshot_id text,
    worker_id text default null,
    runner_id text default null)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz, heartbeat_ms bigint)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_continue_call';
revoke all on function @extschema@.engine_continue from public;
comment on function @extschema@.engine_continue is 'Continues the attempt of a run that was suspended, and returns its latest snapshot.';
