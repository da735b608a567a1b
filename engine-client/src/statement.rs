//! Every SQL text that the client sends: one call of one function each.
//!
//! Arguments and columns are named, so that the extension may add parameters and columns.

pub(crate) const VERSION: &str = "select engine_version() as version";

/// Followed by the arguments: those that are passed differ from call to call.
pub(crate) const TRIGGER: &str = "\
select t.run_id, t.snapshot_id, t.run_status, t.execution_status, t.is_cached, t.created_at
from engine_trigger(";

pub(crate) const RESCHEDULE: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at
from engine_reschedule(run_id => $1, delay_until => $2) as e";

pub(crate) const TRIGGER_MANY: &str = "\
select t.run_id, t.snapshot_id, t.run_status, t.execution_status, t.is_cached, t.created_at
from engine_trigger_many(runs => $1) as t";

pub(crate) const DEQUEUE: &str = "\
select d.run_id, d.run_friendly_id, d.snapshot_id, d.snapshot_friendly_id, d.execution_status, d.run_status,
       d.snapshot_created_at, d.attempt_number, d.task, d.payload, d.payload_type, d.queue, d.concurrency_key,
       d.worker_queue, d.environment_id, d.environment_type, d.project_id, d.organization_id, d.worker_version,
       d.image, d.machine, d.max_attempts, d.max_duration_seconds, d.is_test, d.is_replay, d.tags, d.metadata,
       d.trace_context, d.checkpoint, d.completed_waitpoints, d.heartbeat_ms, d.dequeued_at
from engine_dequeue(
    worker_queue => $1, max_runs => $2, worker_id => $3, runner_id => $4, environment_id => $5,
    worker_version => $6, wait_ms => $7) as d";

pub(crate) const WORK: &str = "\
select w.kind, w.run_id, w.snapshot_id, w.attempt_status, w.execution_status, w.run_status, w.attempt_number,
       w.retry_at, w.run_friendly_id, w.snapshot_friendly_id, w.snapshot_created_at, w.task, w.payload,
       w.payload_type, w.queue, w.concurrency_key, w.worker_queue, w.environment_id, w.environment_type,
       w.project_id, w.organization_id, w.worker_version, w.image, w.machine, w.max_attempts,
       w.max_duration_seconds, w.is_test, w.is_replay, w.tags, w.metadata, w.trace_context, w.checkpoint,
       w.completed_waitpoints, w.heartbeat_ms, w.dequeued_at, w.error_code, w.error_message
from engine_work(
    completions => $1, worker_queue => $2, max_runs => $3, environment_id => $4, worker_id => $5, runner_id => $6,
    worker_version => $7, wait_ms => $8, turn_id => $9) as w";

pub(crate) const WAIT: &str = "\
call engine_wait(worker_queue => $1, environment_id => $2, worker_version => $3, wait_ms => $4)";

pub(crate) const START_ATTEMPT: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.heartbeat_ms
from engine_start_attempt(
    run_id => $1, snapshot_id => $2, worker_id => $3, runner_id => $4, is_warm_start => $5,
    with_execution => false) as e";

pub(crate) const START_MANY: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.heartbeat_ms, e.error_code, e.error_message
from engine_start_many(
    run_ids => $1, snapshot_ids => $2, worker_id => $3, runner_id => $4, is_warm_start => $5,
    with_execution => false) as e";

pub(crate) const EXECUTION: &str = "select engine_execution(run_id => $1) as execution";

pub(crate) const HEARTBEAT: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.heartbeat_ms
from engine_heartbeat(run_id => $1, snapshot_id => $2, worker_id => $3, runner_id => $4) as e";

pub(crate) const HEARTBEAT_MANY: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.heartbeat_ms, e.error_code, e.error_message
from engine_heartbeat_many(run_ids => $1, snapshot_ids => $2, worker_id => $3, runner_id => $4) as e";

/// The functions among these that the role may not execute. Functions that do not exist are refused when they are
/// called: before an update of the extension they may be missing.
pub(crate) const MISSING_RIGHTS: &str = "\
select f.name from unnest($1) as f(name)
where not has_function_privilege(to_regproc(f.name)::oid, 'execute')";

/// Whether the role may execute a function that exists.
pub(crate) const MAY_EXECUTE: &str =
    "select coalesce(has_function_privilege(to_regproc($1)::oid, 'execute'), false) as may_execute";

pub(crate) const MOVED: &str =
    "select m.run_id from engine_moved(run_ids => $1, snapshot_ids => $2) as m";

pub(crate) const REPORT_WORKER: &str = "\
select engine_report_worker(
    capacity => $1, worker_id => $2, runner_id => $3, worker_queue => $4, environment_id => $5, worker_version => $6)";

pub(crate) const COMPLETE_ATTEMPT: &str = "\
select c.run_id, c.snapshot_id, c.attempt_status, c.execution_status, c.run_status, c.attempt_number, c.retry_at
from engine_complete_attempt(
    run_id => $1, snapshot_id => $2, completion => $3, worker_id => $4, runner_id => $5) as c";

pub(crate) const COMPLETE_MANY: &str = "\
select c.run_id, c.snapshot_id, c.attempt_status, c.execution_status, c.run_status, c.attempt_number, c.retry_at,
       c.error_code, c.error_message
from engine_complete_many(completions => $1, worker_id => $2, runner_id => $3) as c";

pub(crate) const SUCCEED: &str = "\
select c.run_id, c.snapshot_id, c.attempt_status, c.execution_status, c.run_status, c.attempt_number, c.retry_at
from engine_succeed(run_id => $1, snapshot_id => $2, output => $3) as c";

pub(crate) const FAIL: &str = "\
select c.run_id, c.snapshot_id, c.attempt_status, c.execution_status, c.run_status, c.attempt_number, c.retry_at
from engine_fail(run_id => $1, snapshot_id => $2, message => $3) as c";

pub(crate) const EXECUTION_DATA: &str =
    "select engine_execution_data(run_id => $1, environment_id => $2) as execution_data";

pub(crate) const SNAPSHOTS_SINCE: &str = "select engine_snapshots_since(run_id => $1, snapshot_id => $2, environment_id => $3) as snapshots";

pub(crate) const BULK: &str = "\
select b.bulk_id, b.count, b.is_exact, b.statuses, b.oldest_at, b.newest_at, b.samples
from engine_bulk(action => $1, filter => $2, dry_run => $3, reason => $4, options => $5, expected_count => $6) as b";

pub(crate) const BULK_STOP: &str = "select engine_bulk_stop(bulk_id => $1) as was_running";

pub(crate) const GRANT: &str =
    "select engine_grant(role => $1, capability => $2, environment_id => $3) as is_new";

pub(crate) const REVOKE: &str =
    "select engine_revoke(role => $1, capability => $2, environment_id => $3) as existed";

pub(crate) const TICK: &str = "select t.kind, t.processed from engine_tick(max_items => $1) as t";

pub(crate) const LEAD: &str = "select engine_lead() as leads";

pub(crate) const RUN_RESULT: &str = "\
select r.run_id, r.snapshot_id, r.run_status, r.execution_status, r.attempt_number, r.output, r.output_type, r.error,
       r.completed_at, r.usage_duration_ms
from engine_run_result(run_id => $1, environment_id => $2) as r";

pub(crate) const EVENTS: &str = "\
select e.position, e.name, e.run_id, e.time, e.body from engine_events(after => $1, max_events => $2, shard => $3) as e";

pub(crate) const FORGET: &str = "\
select f.run_id, f.task, f.environment_id, f.run_status, f.completed_at, f.snapshot_count, f.outcome
from engine_forget(run_id => $1, filter => $2, dry_run => $3, max_runs => $4) as f";

pub(crate) const EVENT_READER: &str = "\
select r.name, r.position, r.max_lag_ms, r.created_at, r.acknowledged_at
from engine_event_reader(name => $1, max_lag_ms => $2, after => $3) as r";

pub(crate) const EVENT_ACK: &str = "\
select r.name, r.position, r.max_lag_ms, r.created_at, r.acknowledged_at
from engine_event_ack(name => $1, up_to => $2) as r";

pub(crate) const DELETE_EVENT_READER: &str =
    "select engine_delete_event_reader(name => $1) as existed";

pub(crate) const CHECK: &str = "select c.kind, c.run_id, c.detail from engine_check() as c";

pub(crate) const DOCTOR: &str = "\
select d.weight, d.kind, d.subject, d.detail, d.hint, d.command, d.age_ms from engine_doctor(patience_ms => $1) as d";

pub(crate) const METRICS: &str = "\
select m.name, m.kind, m.help, m.labels, m.value from engine_metrics() as m";

pub(crate) const CANCEL: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.already_finished
from engine_cancel(
    run_id => $1, reason => $2, finalize => $3, completed_at => $4, attempt_duration_ms => $5,
    bulk_action_id => $6) as e";

pub(crate) const REPLAY: &str = "\
select t.run_id, t.snapshot_id, t.run_status, t.execution_status, t.is_cached, t.created_at
from engine_replay(run_id => $1, keep_steps => $2) as t";

pub(crate) const RELEASE: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at
from engine_release(run_id => $1, snapshot_id => $2, worker_id => $3, runner_id => $4) as e";

pub(crate) const REDRIVE: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at
from engine_redrive(run_id => $1) as e";

pub(crate) const CREATE_CANCELLED_RUN: &str = "\
select t.run_id, t.snapshot_id, t.run_status, t.execution_status, t.is_cached, t.created_at
from engine_create_cancelled_run(run => $1, cancelled_at => $2, reason => $3, emit_event => $4) as t";

pub(crate) const CREATE_FAILED_RUN: &str = "\
select t.run_id, t.snapshot_id, t.run_status, t.execution_status, t.is_cached, t.created_at
from engine_create_failed_run(run => $1, error => $2, emit_event => $3) as t";

pub(crate) const SET_ENVIRONMENT: &str = "\
select e.environment_id, e.type, e.concurrency_limit, e.burst_factor, e.paused, e.archived, e.requires_version,
       e.max_queue_size, e.retry, e.shard, e.paused_at, e.paused_by, e.pause_reason
from engine_set_environment(
    environment_id => $1, type => $2, project_id => $3, organization_id => $4, concurrency_limit => $5,
    burst_factor => $6, paused => $7, archived => $8, requires_version => $9, max_queue_size => $10,
    retry => $11, shard => $12, reason => $13) as e";

pub(crate) const SET_QUEUE: &str = "\
select q.name, q.environment_id, q.concurrency_limit, q.paused, q.override_limit, q.max_size, q.paused_at, q.paused_by,
       q.pause_reason
from engine_set_queue(
    name => $1, environment_id => $2, concurrency_limit => $3, paused => $4, override_limit => $5,
    max_size => $6, reason => $7) as q";

pub(crate) const SET_QUOTA: &str = "\
select q.environment_id, q.queued_runs, q.runs_per_second, q.payload_bytes, q.kept_bytes, q.schedules
from engine_set_quota(
    environment_id => $1, queued_runs => $2, runs_per_second => $3, payload_bytes => $4, kept_bytes => $5,
    schedules => $6) as q";

pub(crate) const SET_RETENTION: &str = "\
select t.keep
from engine_set_retention(
    environment_id => $1, task => $2, queue => $3, outcome => $4, keep => $5 * interval '1 millisecond') as t";

pub(crate) const DELETE_RETENTION: &str = "\
select engine_delete_retention(environment_id => $1, task => $2, queue => $3, outcome => $4) as existed";

pub(crate) const RETENTION: &str = "\
select t.environment_id, t.task, t.queue, t.outcome, (extract(epoch from t.keep) * 1000)::bigint as keep_ms, t.is_built_in,
       t.ended_runs, t.next_removal_at
from engine_retention() as t";

pub(crate) const SWEEP: &str = "select engine_sweep(max_runs => $1) as removed";

pub(crate) const SET_TEST_CLOCK: &str = "select engine_set_test_clock(at => $1) as now";

pub(crate) const SET_MACHINE: &str =
    "select engine_set_machine(name => $1, cpu => $2, memory => $3, cents_per_ms => $4)";

pub(crate) const SET_SHARD: &str = "\
select s.shard, s.state, s.place
from engine_set_shard(shard => $1, state => $2, place => $3) as s";

pub(crate) const CREATE_DATETIME_WAITPOINT: &str = "\
select w.waitpoint_id, w.status, w.is_cached
from engine_create_datetime_waitpoint(
    completed_after => $1, environment_id => $2, idempotency_key => $3, idempotency_key_expires_at => $4) as w";

pub(crate) const CREATE_MANUAL_WAITPOINT: &str = "\
select w.waitpoint_id, w.status, w.is_cached
from engine_create_manual_waitpoint(
    timeout_at => $1, environment_id => $2, idempotency_key => $3, idempotency_key_expires_at => $4,
    tags => $5) as w";

pub(crate) const RUN_WAITPOINT: &str = "\
select w.waitpoint_id, w.status, w.is_cached
from engine_run_waitpoint(run_id => $1) as w";

pub(crate) const COMPLETE_WAITPOINT: &str = "\
select w.waitpoint_id, w.output, w.output_type, w.output_is_error, w.already_completed
from engine_complete_waitpoint(
    waitpoint_id => $1, output => $2, output_type => $3, is_error => $4) as w";

pub(crate) const WAITPOINT_DATA: &str =
    "select engine_waitpoint_data(waitpoint_id => $1, environment_id => $2) as waitpoint_data";

pub(crate) const BLOCK: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.heartbeat_ms, e.pending_count
from engine_block(
    run_id => $1, waitpoint_ids => $2, batch_id => $3, batch_indexes => $4, worker_id => $5, runner_id => $6,
    timeout_at => $7, span_id_to_complete => $8, snapshot_id => $9) as e";

pub(crate) const UNBLOCK: &str = "\
select e.status, e.reason, e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number,
       e.description, e.created_at
from engine_unblock(run_id => $1) as e";

pub(crate) const CREATE_CHECKPOINT: &str = "\
select c.ok, c.error, c.snapshot_id, c.execution_status, c.checkpoint_id
from engine_create_checkpoint(
    run_id => $1, snapshot_id => $2, type => $3, location => $4, image_ref => $5, reason => $6, worker_id => $7,
    runner_id => $8) as c";

pub(crate) const CONTINUE: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.heartbeat_ms
from engine_continue(run_id => $1, snapshot_id => $2, worker_id => $3, runner_id => $4) as e";

pub(crate) const CREATE_BATCH: &str = "\
select b.batch_id, b.status, b.is_cached, b.run_count, b.item_count, b.waitpoint_id
from engine_create_batch(
    run_count => $1, environment_id => $2, parent_run_id => $3, resume_parent => $4, idempotency_key => $5,
    idempotency_key_expires_at => $6, expires_at => $7, options => $8, worker_id => $9, runner_id => $10) as b";

pub(crate) const ADD_TO_BATCH: &str = "\
select i.index, i.run_id, i.enqueued, i.error_code, i.error_message
from engine_add_to_batch(batch_id => $1, runs => $2) as i";

pub(crate) const SEAL_BATCH: &str = "\
select b.sealed, b.status, b.run_count, b.item_count, b.failed_run_count
from engine_seal_batch(batch_id => $1) as b";

pub(crate) const BATCH_DATA: &str =
    "select engine_batch_data(batch_id => $1, environment_id => $2) as batch_data";

pub(crate) const REGISTER_WORKER: &str = "\
select w.environment_id, w.version, w.is_current, w.promoted_runs
from engine_register_worker(
    environment_id => $1, version => $2, tasks => $3, queues => $4, image => $5, promote => $6) as w";

pub(crate) const PROMOTE_WORKER: &str = "\
select w.environment_id, w.version, w.is_current, w.promoted_runs
from engine_promote_worker(environment_id => $1, version => $2) as w";

pub(crate) const SET_SCHEDULE: &str = "\
select s.id, s.environment_id, s.task, s.cron, s.timezone, s.spread_window, s.active, s.next_nominal_at,
       s.next_effective_at
from engine_set_schedule(
    id => $1, task => $2, cron => $3, timezone => $4, environment_id => $5, payload => $6, external_id => $7,
    spread_window => $8, active => $9, options => $10) as s";

pub(crate) const RUN_SCHEDULE: &str = "\
select t.run_id, t.snapshot_id, t.run_status, t.execution_status, t.is_cached, t.created_at
from engine_run_schedule(id => $1) as t";

pub(crate) const DELETE_SCHEDULE: &str = "select engine_delete_schedule(id => $1) as existed";

pub(crate) const UPCOMING_RUNS: &str = "\
select u.nominal_at, u.effective_at from engine_upcoming_runs(id => $1, max_runs => $2) as u";

pub(crate) const RESET_IDEMPOTENCY_KEY: &str = "\
select engine_reset_idempotency_key(task => $1, idempotency_key => $2, environment_id => $3) as existed";
