-- Control of runs, settings of environments, queues, workers and schedules, and the tick that keeps time.

create function @extschema@.engine_cancel(
    run_id text,
    reason text default null,
    finalize boolean default false,
    completed_at timestamptz default null,
    attempt_duration_ms bigint default null,
    bulk_action_id text default null)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz, already_finished boolean)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_cancel_call';
revoke all on function @extschema@.engine_cancel from public;
comment on function @extschema@.engine_cancel is 'Cancels a run, and returns its latest snapshot.';

create function @extschema@.engine_reschedule(run_id text, delay_until timestamptz)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_reschedule_call';
revoke all on function @extschema@.engine_reschedule from public;
comment on function @extschema@.engine_reschedule is 'Moves the due time of a waiting run, earlier or later, and returns its latest snapshot.';

create function @extschema@.engine_redrive(run_id text)
returns table (
    run_id text, snapshot_id text, execution_status text, run_status text, attempt_number integer, description text,
    created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_redrive_call';
revoke all on function @extschema@.engine_redrive from public;
comment on function @extschema@.engine_redrive is 'Requeues a run that ended without its handler''s decision, and returns its latest snapshot.';

create function @extschema@.engine_forget(
    run_id text default null,
    filter jsonb default null,
    dry_run boolean default true,
    max_runs integer default 1000)
returns table (
    run_id text, task text, environment_id text, run_status text, completed_at timestamptz, snapshot_count bigint,
    outcome text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_forget_call';
revoke all on function @extschema@.engine_forget from public;
comment on function @extschema@.engine_forget is 'Forgets runs that have ended, with all that belongs to them, before their time has come; returns what becomes of each.';

create function @extschema@.engine_bulk(
    action text,
    filter jsonb,
    dry_run boolean default true,
    reason text default null,
    options jsonb default null,
    expected_count bigint default null)
returns table (
    bulk_id text, count bigint, is_exact boolean, statuses jsonb, oldest_at timestamptz, newest_at timestamptz,
    samples jsonb)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_bulk_call';
revoke all on function @extschema@.engine_bulk from public;
comment on function @extschema@.engine_bulk is 'Starts an action on all runs that match a filter, which the tick works through, and returns how many they are; with dry_run, which is the default, it only looks.';

create function @extschema@.engine_bulk_stop(bulk_id text)
returns boolean
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_bulk_stop_call';
revoke all on function @extschema@.engine_bulk_stop from public;
comment on function @extschema@.engine_bulk_stop is 'Stops a bulk action, and returns whether it was running; what it has done stays done.';

create function @extschema@.engine_set_environment(
    environment_id text,
    type text default null,
    project_id text default null,
    organization_id text default null,
    concurrency_limit integer default -1,
    burst_factor double precision default null,
    paused boolean default null,
    archived boolean default null,
    requires_version boolean default null,
    max_queue_size integer default -1,
    retry jsonb default null,
    shard integer default null,
    reason text default null)
returns table (
    environment_id text, type text, concurrency_limit integer, burst_factor double precision, paused boolean,
    archived boolean, requires_version boolean, max_queue_size integer, retry jsonb, shard integer,
    paused_at timestamptz, paused_by text, pause_reason text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_set_environment_0_2_call';
revoke all on function @extschema@.engine_set_environment from public;
comment on function @extschema@.engine_set_environment is 'Creates or changes an environment, and returns it as it is after the commit.';

create function @extschema@.engine_set_queue(
    name text,
    environment_id text default 'default',
    concurrency_limit integer default -1,
    paused boolean default null,
    override_limit integer default -1,
    max_size integer default -1,
    reason text default null)
returns table (
    name text, environment_id text, concurrency_limit integer, paused boolean, override_limit integer,
    max_size integer, paused_at timestamptz, paused_by text, pause_reason text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_set_queue_0_2_call';
revoke all on function @extschema@.engine_set_queue from public;
comment on function @extschema@.engine_set_queue is 'Creates or changes a queue, and returns it as it is after the commit.';

create function @extschema@.engine_set_quota(
    environment_id text,
    queued_runs bigint default -1,
    runs_per_second double precision default -1,
    payload_bytes bigint default -1,
    kept_bytes bigint default -1,
    schedules integer default -1)
returns table (
    environment_id text, queued_runs bigint, runs_per_second double precision, payload_bytes bigint, kept_bytes bigint,
    schedules integer)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_set_quota_call';
revoke all on function @extschema@.engine_set_quota from public;
comment on function @extschema@.engine_set_quota is 'Sets what an environment may use at most, and returns it.';

create function @extschema@.engine_set_machine(
    name text,
    cpu double precision,
    memory double precision,
    cents_per_ms double precision)
returns void
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_set_machine_call';
revoke all on function @extschema@.engine_set_machine from public;
comment on function @extschema@.engine_set_machine is 'Sets the size and cost of a machine preset, for all runs from now on.';

create function @extschema@.engine_set_shard(shard integer, state text, place text default null)
returns table (shard integer, state text, place text)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_set_shard_call';
revoke all on function @extschema@.engine_set_shard from public;
comment on function @extschema@.engine_set_shard is 'Sets what this database does with a shard, and returns what is on record then.';

create function @extschema@.engine_register_worker(
    environment_id text,
    version text,
    tasks jsonb default '[]',
    queues jsonb default '[]',
    image text default null,
    promote boolean default true)
returns table (environment_id text, version text, is_current boolean, promoted_runs integer)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_register_worker_call';
revoke all on function @extschema@.engine_register_worker from public;
comment on function @extschema@.engine_register_worker is 'Registers a version of a worker with its tasks and queues, and promotes runs that wait for it.';

create function @extschema@.engine_promote_worker(environment_id text, version text)
returns table (environment_id text, version text, is_current boolean, promoted_runs integer)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_promote_worker_call';
revoke all on function @extschema@.engine_promote_worker from public;
comment on function @extschema@.engine_promote_worker is 'Makes a version of a worker current, whichever is current now, and promotes runs that wait for it.';

create function @extschema@.engine_set_schedule(
    id text,
    task text default null,
    cron text default null,
    timezone text default null,
    environment_id text default null,
    payload jsonb default null,
    external_id text default null,
    spread_window text default null,
    active boolean default null,
    options jsonb default null)
returns table (
    id text, environment_id text, task text, cron text, timezone text, spread_window text, active boolean,
    next_nominal_at timestamptz, next_effective_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_set_schedule_call';
revoke all on function @extschema@.engine_set_schedule from public;
comment on function @extschema@.engine_set_schedule is 'Creates or changes a schedule, which makes a run at each tick of its cron expression, and returns it.';

create function @extschema@.engine_run_schedule(id text)
returns table (
    run_id text, snapshot_id text, run_status text, execution_status text, is_cached boolean, created_at timestamptz)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_run_schedule_call';
revoke all on function @extschema@.engine_run_schedule from public;
comment on function @extschema@.engine_run_schedule is 'Triggers a run of a schedule now, beside those of its ticks, and returns it.';

create function @extschema@.engine_delete_schedule(id text)
returns boolean
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_delete_schedule_call';
revoke all on function @extschema@.engine_delete_schedule from public;
comment on function @extschema@.engine_delete_schedule is 'Deletes a schedule; returns whether it existed.';

create function @extschema@.engine_tick(max_items integer default 1000)
returns table (kind text, processed integer)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_tick_call';
revoke all on function @extschema@.engine_tick from public;
comment on function @extschema@.engine_tick is 'Does what is due, at most max_items, in one commit, and returns how much of each kind.';

create function @extschema@.engine_lead()
returns boolean
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_lead_call';
revoke all on function @extschema@.engine_lead from public;
comment on function @extschema@.engine_lead is 'Makes the calling session lead those that call engine_tick, if no other one does, and returns whether it leads.';

create function @extschema@.engine_set_retention(
    environment_id text default null,
    task text default null,
    queue text default null,
    outcome text default null,
    keep interval default null)
returns table (environment_id text, task text, queue text, outcome text, keep interval)
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_set_retention_call';
revoke all on function @extschema@.engine_set_retention from public;
comment on function @extschema@.engine_set_retention is 'Sets how long runs are kept after they have ended, and returns the policy.';

create function @extschema@.engine_delete_retention(
    environment_id text default null,
    task text default null,
    queue text default null,
    outcome text default null)
returns boolean
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_delete_retention_call';
revoke all on function @extschema@.engine_delete_retention from public;
comment on function @extschema@.engine_delete_retention is 'Deletes a retention policy; returns whether it existed.';

create function @extschema@.engine_sweep(max_runs integer default 1000)
returns integer
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_sweep_call';
revoke all on function @extschema@.engine_sweep from public;
comment on function @extschema@.engine_sweep is 'Removes runs that have ended and whose time has come, at most max_runs, and returns how many.';

create function @extschema@.engine_grant(role text, capability text, environment_id text default '*')
returns boolean
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_grant_call';
revoke all on function @extschema@.engine_grant from public;
comment on function @extschema@.engine_grant is 'Grants a capability to a role, for one environment or for all; returns whether the role did not have it.';

create function @extschema@.engine_revoke(role text, capability text, environment_id text default '*')
returns boolean
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_revoke_call';
revoke all on function @extschema@.engine_revoke from public;
comment on function @extschema@.engine_revoke is 'Takes a capability back from a role, as it was granted; returns whether it was.';

create function @extschema@.engine_set_test_clock(at timestamptz)
returns timestamptz
language c volatile parallel unsafe
set search_path to pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'engine_set_test_clock_call';
revoke all on function @extschema@.engine_set_test_clock from public;
comment on function @extschema@.engine_set_test_clock is 'Moves the clock of the database forward to a moment, for tests, and returns the moment that it shows then.';
