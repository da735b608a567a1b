-- Reads that change nothing.

create function @extschema@.engine_run_result(run_id text, environment_id text default null)
returns table (
    run_id text, snapshot_id text, run_status text, execution_status text, attempt_number integer, output text,
    output_type text, error jsonb, completed_at timestamptz, usage_duration_ms integer)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_run_result_call';
revoke all on function @extschema@.engine_run_result from public;
comment on function @extschema@.engine_run_result is 'Returns the result of a run: one row with its status and, once it has ended, its output or error; none if there is no such run.';

create function @extschema@.engine_execution_data(run_id text, environment_id text default null)
returns jsonb
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_execution_data_call';
revoke all on function @extschema@.engine_execution_data from public;
comment on function @extschema@.engine_execution_data is 'Returns the latest snapshot of a run with its checkpoint and completed waitpoints, or null if there is no such run.';

create function @extschema@.engine_snapshots_since(run_id text, snapshot_id text, environment_id text default null)
returns jsonb
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_snapshots_since_call';
revoke all on function @extschema@.engine_snapshots_since from public;
comment on function @extschema@.engine_snapshots_since is 'Returns the valid snapshots of a run after a given one, oldest first, at most the newest fifty.';

create function @extschema@.engine_waitpoint_data(waitpoint_id text, environment_id text default null)
returns jsonb
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_waitpoint_data_call';
revoke all on function @extschema@.engine_waitpoint_data from public;
comment on function @extschema@.engine_waitpoint_data is 'Returns a waitpoint with the runs that wait for it, or null if there is no such waitpoint.';

create function @extschema@.engine_batch_data(batch_id text, environment_id text default null)
returns jsonb
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_batch_data_call';
revoke all on function @extschema@.engine_batch_data from public;
comment on function @extschema@.engine_batch_data is 'Returns a batch with its runs and failures, or null if there is no such batch.';

create function @extschema@.engine_upcoming_runs(id text, max_runs integer default 10)
returns table (nominal_at timestamptz, effective_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_upcoming_runs_call';
revoke all on function @extschema@.engine_upcoming_runs from public;
comment on function @extschema@.engine_upcoming_runs is 'Returns the next ticks of a schedule, and the earliest dequeue of each run.';

create function @extschema@.engine_events(
    after bigint default null,
    max_events integer default 100,
    shard integer default null)
returns table ("position" bigint, name text, run_id text, "time" timestamptz, body jsonb)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_events_0_2_call';
revoke all on function @extschema@.engine_events from public;
comment on function @extschema@.engine_events is 'Returns the next events after a position, in order, at most max_events.';

create function @extschema@.engine_event_reader(name text, max_lag_ms bigint default null, after bigint default null)
returns table (
    name text, "position" bigint, max_lag_ms bigint, created_at timestamptz, acknowledged_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_event_reader_call';
revoke all on function @extschema@.engine_event_reader from public;
comment on function @extschema@.engine_event_reader is 'Returns a named reader of events, and creates it if it does not exist.';

create function @extschema@.engine_event_ack(name text, up_to bigint)
returns table (
    name text, "position" bigint, max_lag_ms bigint, created_at timestamptz, acknowledged_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_event_ack_call';
revoke all on function @extschema@.engine_event_ack from public;
comment on function @extschema@.engine_event_ack is 'Acknowledges all events up to a position for a named reader, and returns the reader.';

create function @extschema@.engine_delete_event_reader(name text)
returns boolean
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_delete_event_reader_call';
revoke all on function @extschema@.engine_delete_event_reader from public;
comment on function @extschema@.engine_delete_event_reader is 'Deletes a named reader of events, for which nothing is kept any more; returns whether it existed.';

create function @extschema@.engine_check()
returns table (kind text, run_id text, detail text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_check_call';
revoke all on function @extschema@.engine_check from public;
comment on function @extschema@.engine_check is 'Returns one row per violated invariant, and none if the database is healthy.';

create function @extschema@.engine_doctor(patience_ms bigint default 30000)
returns table (weight text, kind text, subject text, detail text, hint text, command text, age_ms bigint)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_doctor_call';
revoke all on function @extschema@.engine_doctor from public;
comment on function @extschema@.engine_doctor is 'Returns what an operator should know, each finding with its weight, its cause and what mends it, and nothing if all is well.';

create function @extschema@.engine_metrics()
returns table (name text, kind text, help text, labels jsonb, value double precision)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_metrics_call';
revoke all on function @extschema@.engine_metrics from public;
comment on function @extschema@.engine_metrics is 'Returns the figures for a monitoring system, one row per series, those of one name together.';

create function @extschema@.engine_version()
returns text
language c immutable parallel safe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_version_wrapper';
revoke all on function @extschema@.engine_version from public;
comment on function @extschema@.engine_version is 'Returns the version of the loaded library.';

create function @extschema@.engine_retention()
returns table (
    environment_id text, task text, queue text, outcome text, keep interval, is_built_in boolean, ended_runs bigint,
    next_removal_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_retention_call';
revoke all on function @extschema@.engine_retention from public;
comment on function @extschema@.engine_retention is 'Returns the retention policies, set and built in, each with the runs for which it holds and when it removes the next.';
