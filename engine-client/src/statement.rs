//! Every SQL text that the client sends: one call of one function each.
//!
//! Arguments are named, so that the extension may add parameters, and columns are named, so that it may add
//! columns.

pub(crate) const VERSION: &str = "select engine_version() as version";

pub(crate) const TRIGGER: &str = "\
select t.run_id, t.snapshot_id, t.run_status, t.execution_status, t.is_cached, t.created_at
from engine_trigger(
    task => $1, payload => $2, payload_type => $3, queue => $4, environment_id => $5, worker_queue => $6,
    concurrency_key => $7, priority_ms => $8, max_attempts => $9, max_duration_seconds => $10, machine => $11,
    tags => $12, metadata => $13, is_test => $14, trace_context => $15, annotations => $16,
    queue_timestamp => $17, replayed_from => $18, run_id => $19, delay_until => $20, ttl => $21,
    idempotency_key => $22, idempotency_key_expires_at => $23, debounce => $24, one_time_use_token => $25,
    version => $26) as t";

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

pub(crate) const START_ATTEMPT: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.heartbeat_ms, e.execution
from engine_start_attempt(
    run_id => $1, snapshot_id => $2, worker_id => $3, runner_id => $4, is_warm_start => $5) as e";

pub(crate) const HEARTBEAT: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.heartbeat_ms
from engine_heartbeat(run_id => $1, snapshot_id => $2, worker_id => $3, runner_id => $4) as e";

pub(crate) const HEARTBEAT_MANY: &str = "\
select e.run_id, e.snapshot_id, e.execution_status, e.run_status, e.attempt_number, e.description, e.created_at,
       e.heartbeat_ms
from engine_heartbeat_many(run_ids => $1, snapshot_ids => $2, worker_id => $3, runner_id => $4) as e";

pub(crate) const COMPLETE_ATTEMPT: &str = "\
select c.run_id, c.snapshot_id, c.attempt_status, c.execution_status, c.run_status, c.attempt_number, c.retry_at
from engine_complete_attempt(
    run_id => $1, snapshot_id => $2, completion => $3, worker_id => $4, runner_id => $5) as c";

pub(crate) const SUCCEED: &str = "\
select c.run_id, c.snapshot_id, c.attempt_status, c.execution_status, c.run_status, c.attempt_number, c.retry_at
from engine_succeed(run_id => $1, snapshot_id => $2, output => $3) as c";

pub(crate) const FAIL: &str = "\
select c.run_id, c.snapshot_id, c.attempt_status, c.execution_status, c.run_status, c.attempt_number, c.retry_at
from engine_fail(run_id => $1, snapshot_id => $2, message => $3) as c";

pub(crate) const EXECUTION_DATA: &str =
    "select engine_execution_data(run_id => $1, environment_id => $2) as execution_data";

pub(crate) const SNAPSHOTS_SINCE: &str = "select engine_snapshots_since(run_id => $1, snapshot_id => $2, environment_id => $3) as snapshots";

pub(crate) const TICK: &str = "select t.kind, t.processed from engine_tick(max_items => $1) as t";
