//! What rows of several tables share.

use engine_core::{ExecutionStatus, Run, RunId, RunStatus, SnapshotId, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::cells::Cells;

/// The caller, written to the snapshots of its actions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Caller<'a> {
    /// The worker's id.
    pub(crate) worker_id: Option<&'a str>,
    /// Id of the worker's process or machine.
    pub(crate) runner_id: Option<&'a str>,
}

/// Reads the columns of a run, which three statements select in the same order.
pub(crate) fn decode(cells: &mut Cells) -> Run {
    Run {
        id: cells.value(),
        run_status: cells.value(),
        execution_status: cells.value(),
        snapshot_id: cells.value(),
        snapshot_ordinal: cells.value(),
        attempt_number: cells.nullable(),
        max_attempts: cells.nullable(),
        queue_attempts: cells.value(),
        released_attempts: cells.value(),
        machine: cells.nullable(),
        usage_duration_ms: cells.value(),
        cost_in_cents: cells.value(),
        was_dequeued: cells.nullable::<TimestampWithTimeZone>().is_some(),
        has_waitpoint: cells.value(),
        is_dead_lettered: cells.value(),
        retry: cells.nullable(),
        environment_type: cells.value(),
        batch_id: cells.nullable(),
        error: cells.nullable(),
        status_reason: cells.nullable(),
    }
}

/// A run that was there before, as its trigger returns it.
#[derive(Clone)]
pub(crate) struct Existing {
    pub(crate) run_id: RunId,
    pub(crate) snapshot_id: SnapshotId,
    pub(crate) run_status: RunStatus,
    pub(crate) execution_status: ExecutionStatus,
    pub(crate) created_at: TimestampWithTimeZone,
    /// When it is due, if it was delayed.
    pub(crate) delay_until: Option<Timestamp>,
}
