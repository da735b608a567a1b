//! The run in the model: everything that decisions depend on, in a form that can be hashed.

use engine_core::{EnvironmentType, ExecutionStatus, Machine, Run, RunId, RunStatus, SnapshotId};
use serde_json::json;

/// A snapshot, by its position in time.
pub type Snapshot = usize;

/// A row of `engine.run_state`. The omitted columns (error, usage, cost) decide nothing but their own values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    pub environment_type: EnvironmentType,
    pub run_status: RunStatus,
    pub execution_status: ExecutionStatus,
    pub snapshot: Snapshot,
    pub attempt_number: Option<i32>,
    pub max_attempts: i32,
    pub queue_attempts: i32,
    pub released_attempts: i32,
    pub machine: Machine,
    pub was_dequeued: bool,
    pub is_dead_lettered: bool,
    /// Whether its attempt has ended and its worker is to start the next one.
    pub is_between_attempts: bool,
}

impl Row {
    /// The run as the engine reads it.
    pub fn to_run(&self) -> Run {
        Run {
            id: RunId::parse("1234"),
            run_status: self.run_status,
            execution_status: self.execution_status,
            snapshot_id: snapshot_id(self.snapshot),
            snapshot_ordinal: 1,
            attempt_number: self.attempt_number,
            max_attempts: Some(self.max_attempts),
            queue_attempts: self.queue_attempts,
            released_attempts: self.released_attempts,
            machine: Some(self.machine.as_str().to_owned()),
            usage_duration_ms: 0,
            cost_in_cents: 0.0,
            was_dequeued: self.was_dequeued,
            has_waitpoint: false,
            is_dead_lettered: self.is_dead_lettered,
            retry: Some(json!({"randomize": false, "outOfMemory": {"machine": "small-2x"}})),
            environment_type: self.environment_type,
            batch_id: None,
            error: None,
            status_reason: None,
        }
    }
}

/// The snapshot's id, as callers pass it.
pub fn snapshot_id(snapshot: Snapshot) -> SnapshotId {
    SnapshotId::parse(&snapshot.to_string())
}
