//! The rows of a run, in a form for comparison.

use std::fmt::Debug;

use engine_core::{ExecutionStatus, RunStatus, Timestamp, Transition};
use serde_json::Value;

/// All rows of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRows {
    pub run_id: String,
    pub parent_run_id: Option<String>,
    pub root_run_id: Option<String>,
    pub depth: i32,
    pub replayed_from: Option<String>,
    pub state: StateRow,
    /// The queue item: from when on the run is due.
    pub available_at: Option<Timestamp>,
    pub deadline: Option<DeadlineRow>,
    pub snapshots: Vec<SnapshotRow>,
}

/// The row of `engine.run_state`.
#[derive(Debug, Clone, PartialEq)]
pub struct StateRow {
    pub run_status: RunStatus,
    pub execution_status: ExecutionStatus,
    pub snapshot_id: String,
    pub snapshot_ordinal: i32,
    pub attempt_number: Option<i32>,
    pub max_attempts: Option<i32>,
    pub queue_attempts: i32,
    pub released_attempts: i32,
    pub machine: Option<String>,
    pub retry: Option<Value>,
    pub usage_duration_ms: i32,
    pub cost_in_cents: f64,
    pub was_dequeued: bool,
    pub is_dead_lettered: bool,
    pub completed_at: Option<Timestamp>,
    pub output: Option<String>,
    pub output_type: Option<String>,
    pub error: Option<Value>,
    pub bulk_action_ids: Vec<String>,
}

impl StateRow {
    /// A triggered run without its first snapshot.
    pub fn of_new_run() -> Self {
        Self {
            run_status: RunStatus::Pending,
            execution_status: ExecutionStatus::Queued,
            snapshot_id: String::new(),
            snapshot_ordinal: 0,
            attempt_number: None,
            max_attempts: None,
            queue_attempts: 0,
            released_attempts: 0,
            machine: None,
            retry: None,
            usage_duration_ms: 0,
            cost_in_cents: 0.0,
            was_dequeued: false,
            is_dead_lettered: false,
            completed_at: None,
            output: None,
            output_type: None,
            error: None,
            bulk_action_ids: Vec::new(),
        }
    }
}

/// The row of `engine.heartbeat`.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadlineRow {
    pub snapshot_id: String,
    pub holds_slot: bool,
    pub interval_ms: i64,
    pub deadline_at: Timestamp,
    pub check_at: Timestamp,
}

/// A row of `engine.snapshot`.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotRow {
    pub id: String,
    pub previous_id: Option<String>,
    pub transition: Transition,
    pub execution_status: ExecutionStatus,
    pub run_status: RunStatus,
    pub attempt_number: Option<i32>,
    pub is_valid: bool,
    pub description: String,
    pub worker_id: Option<String>,
    pub runner_id: Option<String>,
    pub machine: Option<String>,
    pub detail: Option<Value>,
    pub created_at: Timestamp,
}

/// Compares the rows of both engines, run by run.
///
/// # Errors
/// The first rows that differ.
pub fn compare(server: &[RunRows], oracle: &[&RunRows]) -> Result<(), String> {
    let ids = |rows: &mut dyn Iterator<Item = &RunRows>| -> Vec<String> {
        rows.map(|rows| rows.run_id.clone()).collect()
    };
    differ(
        "runs",
        &ids(&mut server.iter()),
        &ids(&mut oracle.iter().copied()),
    )?;
    for (server, oracle) in server.iter().zip(oracle) {
        let run = |what: &str| format!("{what} of run {}", server.run_id);
        differ(&run("state"), &server.state, &oracle.state)?;
        differ(
            &run("queue item"),
            &server.available_at,
            &oracle.available_at,
        )?;
        differ(&run("deadline"), &server.deadline, &oracle.deadline)?;
        let (theirs, ours) = (&server.snapshots, &oracle.snapshots);
        differ(&run("number of snapshots"), &theirs.len(), &ours.len())?;
        for (theirs, ours) in theirs.iter().zip(ours) {
            differ(&run("snapshot"), theirs, ours)?;
        }
        differ(&run("rest"), server, oracle)?;
    }
    Ok(())
}

fn differ<T: PartialEq + Debug>(what: &str, server: &T, oracle: &T) -> Result<(), String> {
    if server == oracle {
        return Ok(());
    }
    Err(format!(
        "{what}: the server has {server:?}, the oracle {oracle:?}"
    ))
}
