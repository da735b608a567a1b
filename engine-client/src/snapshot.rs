//! Snapshots of a run, as workers and watchers read them.

use serde_json::Value;

use crate::{Error, ExecutionStatus, RunStatus, SnapshotId};

/// A snapshot of a run: one step of its history.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunSnapshot {
    /// The snapshot's id; ids of a run's snapshots increase as text.
    pub snapshot_id: SnapshotId,
    /// Execution status of the run.
    pub execution_status: ExecutionStatus,
    /// The run's status for its owner.
    pub run_status: RunStatus,
    /// Number of the attempt that had started last; none before the first.
    pub attempt_number: Option<i32>,
    /// Why the snapshot was written.
    pub description: String,
    /// Everything that the server sent: with checkpoint, batch and, for the newest snapshot, the completed
    /// waitpoints.
    pub data: Value,
}

impl RunSnapshot {
    /// Reads an element of `engine_snapshots_since`.
    pub(crate) fn from_json(data: Value) -> Result<Self, Error> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (snapshot, run) = (&data["snapshot"], &data["run"]);
        Ok(Self {
            snapshot_id: SnapshotId::new(text(&snapshot["id"])),
            execution_status: text(&snapshot["executionStatus"]).parse()?,
            run_status: text(&run["status"]).parse()?,
            attempt_number: run["attemptNumber"]
                .as_i64()
                .and_then(|number| i32::try_from(number).ok()),
            description: text(&snapshot["description"]),
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_snapshot_is_read_and_what_is_none_is_refused() {
        let data = json!({
            "version": "1",
            "snapshot": {"id": "s", "executionStatus": "EXECUTING", "description": "Attempt started"},
            "run": {"id": "r", "status": "EXECUTING", "attemptNumber": 2},
        });
        let snapshot = RunSnapshot::from_json(data).unwrap();
        assert_eq!(snapshot.snapshot_id.as_str(), "s");
        assert_eq!(snapshot.execution_status, ExecutionStatus::Executing);
        assert_eq!(snapshot.attempt_number, Some(2));
        let error = RunSnapshot::from_json(json!({})).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Serialization);
    }
}
