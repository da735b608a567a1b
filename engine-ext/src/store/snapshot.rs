//! Snapshots whose every column the caller knows. Transitions that carry on what the run's state says write theirs in their own
//! statement.

use engine_core::{ExecutionStatus, RunId, RunStatus, Timestamp, Transition};
use serde_json::Value;

use crate::backend::position::Positions;
use crate::backend::table::{append, table};
use crate::document::JsonB;
use crate::store::row::Caller;

table!(SNAPSHOT, "snapshot", "04_snapshot.sql");

/// A snapshot of a locked run.
pub(crate) struct NewSnapshot<'a> {
    pub(crate) run_id: &'a RunId,
    pub(crate) ordinal: i32,
    pub(crate) transition: Transition,
    pub(crate) execution_status: ExecutionStatus,
    pub(crate) run_status: RunStatus,
    pub(crate) attempt_number: Option<i32>,
    pub(crate) description: &'a str,
    /// The requested machine, of a dequeue.
    pub(crate) machine: Option<&'a str>,
    /// Details for its events.
    pub(crate) detail: Option<Value>,
}

/// Writes snapshots, in the order of their positions.
pub(crate) fn insert<'a>(
    snapshots: impl IntoIterator<Item = NewSnapshot<'a>>,
    positions: &mut Positions,
    caller: Caller<'_>,
    now: Timestamp,
) {
    let horizon = positions.horizon;
    let positioned = snapshots.into_iter().map(|new| (new, positions.next()));
    append!(SNAPSHOT, positioned, |(new, position)| {
        position: position,
        horizon: horizon,
        created_at: now,
        ordinal: new.ordinal,
        transition: new.transition,
        execution_status: new.execution_status,
        run_status: new.run_status.in_snapshot(),
        attempt_number: new.attempt_number,
        shard: new.run_id.shard(),
        is_valid: true,
        run_id: new.run_id,
        description: new.transition.unusual(new.description),
        worker_id: caller.worker_id,
        runner_id: caller.runner_id,
        machine: new.machine,
        detail: new.detail.map(JsonB),
    });
}
