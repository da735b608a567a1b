//! What rows of several tables share.

use engine_core::{ExecutionStatus, RunId, RunStatus, SnapshotId, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::statement::columns;

/// The caller, written to the snapshots of its actions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Caller<'a> {
    /// The worker's id.
    pub(crate) worker_id: Option<&'a str>,
    /// Id of the worker's process or machine.
    pub(crate) runner_id: Option<&'a str>,
}

columns!(RUN, "run.sql");

/// Reads a run from a result with these columns.
macro_rules! run {
    ($cells:ident, $columns:ident) => {
        engine_core::Run {
            id: cell!($cells, $columns.run_id),
            run_status: cell!($cells, $columns.run_status),
            execution_status: cell!($cells, $columns.execution_status),
            snapshot_id: cell!($cells, $columns.snapshot_id),
            snapshot_ordinal: cell!($cells, $columns.snapshot_ordinal),
            attempt_number: cell!($cells, $columns.attempt_number),
            max_attempts: cell!($cells, $columns.max_attempts),
            queue_attempts: cell!($cells, $columns.queue_attempts),
            released_attempts: cell!($cells, $columns.released_attempts),
            machine: cell!($cells, $columns.machine),
            usage_duration_ms: cell!($cells, $columns.usage_duration_ms),
            cost_in_cents: cell!($cells, $columns.cost_in_cents),
            was_dequeued: cell!($cells, $columns.was_dequeued),
            has_waitpoint: cell!($cells, $columns.has_waitpoint),
            is_dead_lettered: cell!($cells, $columns.is_dead_lettered),
            retry: cell!($cells, $columns.retry),
            environment_type: cell!($cells, $columns.environment_type),
            batch_id: cell!($cells, $columns.batch_id),
            error: cell!($cells, $columns.error),
            status_reason: cell!($cells, $columns.status_reason),
        }
    };
}
pub(crate) use run;

/// Reads a run as policies see it from a result with these columns.
macro_rules! kept_run {
    ($cells:ident, $columns:ident) => {
        engine_core::KeptRun {
            environment_id: cell!($cells, $columns.environment_id),
            environment_type: cell!($cells, $columns.environment_type),
            is_test: cell!($cells, $columns.is_test),
            task: cell!($cells, $columns.task),
            queue: cell!($cells, $columns.queue),
            run_status: cell!($cells, $columns.run_status),
        }
    };
}
pub(crate) use kept_run;

/// A run that was there before, as its trigger returns it. Of a run that is gone, and has left its key, the id is known.
#[derive(Clone)]
pub(crate) struct Existing {
    pub(crate) run_id: RunId,
    pub(crate) snapshot_id: Option<SnapshotId>,
    pub(crate) run_status: Option<RunStatus>,
    pub(crate) execution_status: ExecutionStatus,
    pub(crate) created_at: Option<TimestampWithTimeZone>,
    /// When it is due, if it was delayed.
    pub(crate) delay_until: Option<Timestamp>,
}

/// The latest snapshot of a run; every field but the run's id is `None` if there is no such run.
pub(crate) struct Execution {
    pub(crate) run_id: String,
    pub(crate) snapshot_id: Option<String>,
    pub(crate) execution_status: Option<String>,
    pub(crate) run_status: Option<String>,
    pub(crate) attempt_number: Option<i32>,
    pub(crate) description: Option<String>,
    pub(crate) created_at: Option<TimestampWithTimeZone>,
    pub(crate) heartbeat_ms: Option<i64>,
}

/// The first run of a family, as seen from another one.
#[derive(Clone)]
pub(crate) struct Root {
    pub(crate) run_id: RunId,
    /// How many generations above.
    pub(crate) depth: i32,
}
