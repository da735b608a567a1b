-- A run in the hands of a worker, from its dequeue to the end of its attempt.

create function @extschema@.engine_dequeue(
    worker_queue text default 'main',
    max_runs integer default 1,
    worker_id text default null,
    runner_id text default null,
    environment_id text default null,
    worker_version text default null,
    wait_ms integer default 0)
returns table (
    run_id text, run_friendly_id text, snapshot_id text, snapshot_friendly_id text, execution_status text,
    run_status text, snapshot_created_at timestamptz, attempt_number integer, task text, payload text,
    payload_type text, queue text, concurrency_key text, worker_queue text, environment_id text,
    environment_type text, project_id text, organization_id text, worker_version text, image text, machine jsonb,
    max_attempts integer, max_duration_seconds integer, is_test boolean, is_replay boolean, tags text[],
    metadata jsonb, trace_context jsonb, checkpoint jsonb, completed_waitpoints jsonb, heartbeat_ms bigint,
    dequeued_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_dequeue_call';
revoke all on function @extschema@.engine_dequeue from public;
comment on function @extschema@.engine_dequeue is 'Dequeues up to max_runs due runs of a worker queue, lowest queue timestamp minus priority first.';

-- One that ends transactions can neither be SECURITY DEFINER nor set its search path: what it reads it reads as its owner, with a
-- search path of its own (engine-ext/src/backend/procedure.rs).
create procedure @extschema@.engine_wait(
    worker_queue text default 'main',
    environment_id text default null,
    worker_version text default null,
    wait_ms integer default 60000)
language c
as 'MODULE_PATHNAME', 'engine_wait_wrapper';
revoke all on procedure @extschema@.engine_wait from public;
comment on procedure @extschema@.engine_wait is 'Waits until a dequeue would return a run, or for wait_ms milliseconds, and holds nothing meanwhile.';

-- One call for a worker's whole turn: what it reports, and what it gets.
create function @extschema@.engine_work(
    completions jsonb default null,
    worker_queue text default 'main',
    max_runs integer default 1,
    environment_id text default null,
    worker_id text default null,
    runner_id text default null,
    worker_version text default null,
    wait_ms integer default 0,
    turn_id text default null)
returns table (
    kind text, run_id text, snapshot_id text, attempt_status text, execution_status text, run_status text,
    attempt_number integer, retry_at timestamptz, run_friendly_id text, snapshot_friendly_id text,
    snapshot_created_at timestamptz, task text, payload text, payload_type text, queue text, concurrency_key text,
    worker_queue text, environment_id text, environment_type text, project_id text, organization_id text,
    worker_version text, image text, machine jsonb, max_attempts integer, max_duration_seconds integer,
    is_test boolean, is_replay boolean, tags text[], metadata jsonb, trace_context jsonb, checkpoint jsonb,
    completed_waitpoints jsonb, heartbeat_ms bigint, dequeued_at timestamptz, error_code text, error_message text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_work_call';
revoke all on function @extschema@.engine_work from public;
comment on function @extschema@.engine_work is 'Executes a worker''s turn in one commit: reports ends of attempts, then dequeues and starts due runs.';

create function @extschema@.engine_start_attempt(
    run_id text,
    snapshot_id text,
    worker_id text default null,
    runner_id text default null,
    is_warm_start boolean default false,
    with_execution boolean default true)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz, heartbeat_ms bigint, execution jsonb)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_start_attempt_0_2_call';
revoke all on function @extschema@.engine_start_attempt from public;
comment on function @extschema@.engine_start_attempt is 'Starts the next attempt of a dequeued run and returns its execution data.';

create function @extschema@.engine_start_many(
    run_ids text[],
    snapshot_ids text[],
    worker_id text default null,
    runner_id text default null,
    is_warm_start boolean default false,
    with_execution boolean default false)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz, heartbeat_ms bigint, execution jsonb, error_code text, error_message text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_start_many_0_2_call';
revoke all on function @extschema@.engine_start_many from public;
comment on function @extschema@.engine_start_many is 'Starts the next attempts of many dequeued runs in one commit; one row per element, in order.';

create function @extschema@.engine_execution(run_id text)
returns jsonb
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_execution_call';
revoke all on function @extschema@.engine_execution from public;
comment on function @extschema@.engine_execution is 'Returns what the handler of the attempt that a run started last may know, or null if it has started none.';

create function @extschema@.engine_heartbeat(
    run_id text,
    snapshot_id text,
    worker_id text default null,
    runner_id text default null)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz, heartbeat_ms bigint)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_heartbeat_call';
revoke all on function @extschema@.engine_heartbeat from public;
comment on function @extschema@.engine_heartbeat is 'Moves the heartbeat deadline of a run, and returns its latest snapshot.';

create function @extschema@.engine_heartbeat_many(
    run_ids text[],
    snapshot_ids text[],
    worker_id text default null,
    runner_id text default null)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz, heartbeat_ms bigint, error_code text, error_message text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_heartbeat_many_call';
revoke all on function @extschema@.engine_heartbeat_many from public;
comment on function @extschema@.engine_heartbeat_many is 'Moves the heartbeat deadlines of many runs in one statement; one row per element, in order.';

create function @extschema@.engine_moved(run_ids text[], snapshot_ids text[])
returns table (run_id text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_moved_call';
revoke all on function @extschema@.engine_moved from public;
comment on function @extschema@.engine_moved is 'Returns the runs among many that have moved on from these snapshots, and writes nothing.';

create function @extschema@.engine_report_worker(
    capacity integer,
    worker_id text default null,
    runner_id text default null,
    worker_queue text default 'main',
    environment_id text default null,
    worker_version text default null)
returns boolean
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_report_worker_call';
revoke all on function @extschema@.engine_report_worker from public;
comment on function @extschema@.engine_report_worker is 'Notes that a worker is there, and how many runs it holds at once; returns whether it was known.';

create function @extschema@.engine_complete_attempt(
    run_id text,
    snapshot_id text,
    completion jsonb,
    worker_id text default null,
    runner_id text default null)
returns table (
    run_id text, snapshot_id text, attempt_status text, execution_status text, run_status text,
    attempt_number integer, retry_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_complete_attempt_call';
revoke all on function @extschema@.engine_complete_attempt from public;
comment on function @extschema@.engine_complete_attempt is 'Completes an attempt: {"ok": true, "output": "…"} or {"ok": false, "error": {…}}.';

create function @extschema@.engine_succeed(run_id text, snapshot_id text, output text default null)
returns table (
    run_id text, snapshot_id text, attempt_status text, execution_status text, run_status text,
    attempt_number integer, retry_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_succeed_call';
revoke all on function @extschema@.engine_succeed from public;
comment on function @extschema@.engine_succeed is 'Completes an attempt that succeeded; output is JSON as text.';

create function @extschema@.engine_fail(
    run_id text,
    snapshot_id text,
    message text default 'failed',
    retry jsonb default null)
returns table (
    run_id text, snapshot_id text, attempt_status text, execution_status text, run_status text,
    attempt_number integer, retry_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_fail_0_2_call';
revoke all on function @extschema@.engine_fail from public;
comment on function @extschema@.engine_fail is 'Completes an attempt that failed, with a message; the retry policy of its run decides whether another one follows.';

create function @extschema@.engine_complete_many(
    completions jsonb,
    worker_id text default null,
    runner_id text default null)
returns table (
    run_id text, snapshot_id text, attempt_status text, execution_status text, run_status text,
    attempt_number integer, retry_at timestamptz, error_code text, error_message text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_complete_many_call';
revoke all on function @extschema@.engine_complete_many from public;
comment on function @extschema@.engine_complete_many is 'Completes many attempts in one commit; one row per element, in order.';

create function @extschema@.engine_release(
    run_id text,
    snapshot_id text,
    worker_id text default null,
    runner_id text default null)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_release_call';
revoke all on function @extschema@.engine_release from public;
comment on function @extschema@.engine_release is 'Requeues a run that its worker cannot finish, and returns its latest snapshot.';
