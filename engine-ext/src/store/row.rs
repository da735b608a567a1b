//! What rows of several tables share.

use engine_core::{EnvironmentType, ExecutionStatus, Run, RunId, RunStatus, SnapshotId, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::statement::Cells;
use crate::document::JsonB;

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
        id: RunId::parse(&cells.value::<String>()),
        run_status: run_status(&cells.value::<String>()),
        execution_status: execution_status(&cells.value::<String>()),
        snapshot_id: SnapshotId::parse(&cells.value::<String>()),
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
        retry: cells.nullable::<JsonB>().map(|json| json.0),
        environment_type: environment_type(&cells.value::<String>()),
        batch_id: cells.nullable(),
        error: cells.nullable::<JsonB>().map(|json| json.0),
        status_reason: cells.nullable(),
    }
}

pub(crate) fn run_status(text: &str) -> RunStatus {
    match RunStatus::parse(text) {
        Some(status) => status,
        None => unreachable!("the type has no other values"),
    }
}

pub(crate) fn execution_status(text: &str) -> ExecutionStatus {
    match ExecutionStatus::parse(text) {
        Some(status) => status,
        None => unreachable!("the type has no other values"),
    }
}

/// A value of `engine.environment_type`.
pub(crate) fn environment_type(text: &str) -> EnvironmentType {
    match EnvironmentType::parse(text) {
        Some(kind) => kind,
        None => unreachable!("the type has no other values"),
    }
}

/// An existing run, as its trigger returns it.
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
