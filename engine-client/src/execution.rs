//! The execution row: where a run is.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio_postgres::Row;

use crate::time::from_ms;
use crate::{Error, ExecutionStatus, RunId, RunStatus, SnapshotId};

/// A run as its latest snapshot has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Execution {
    /// The run.
    pub run_id: RunId,
    /// Its latest snapshot.
    pub snapshot_id: SnapshotId,
    /// Where the run is in its execution.
    pub execution_status: ExecutionStatus,
    /// The run's status as its snapshot has it.
    pub run_status: RunStatus,
    /// The attempt that last started; none before the first.
    pub attempt_number: Option<i32>,
    /// Why the snapshot was written.
    pub description: String,
    /// When the snapshot was written, by the server's clock.
    pub created_at: SystemTime,
}

impl Execution {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            run_id: row.try_get("run_id")?,
            snapshot_id: row.try_get("snapshot_id")?,
            execution_status: row.try_get("execution_status")?,
            run_status: row.try_get("run_status")?,
            attempt_number: row.try_get("attempt_number")?,
            description: row.try_get("description")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// An attempt that was started.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Started {
    /// The run; its snapshot is the one that heartbeats and the completion must name.
    pub execution: Execution,
    /// The attempt must be kept by a heartbeat within this time from the start, or it counts as stalled.
    pub heartbeat: Duration,
    /// What the engine knows about the attempt, the run, its task, queue and environment.
    pub data: Value,
}

impl Started {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            execution: Execution::from_row(row)?,
            heartbeat: from_ms(row.try_get("heartbeat_ms")?),
            data: row.try_get("execution")?,
        })
    }
}

/// The answer to a heartbeat.
///
/// If the snapshot is not the one that was sent, the run moved on and its deadline was not extended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// The run as it is now.
    pub execution: Execution,
    /// The next heartbeat must come within this time; none if the run's status has no deadline.
    pub heartbeat: Option<Duration>,
}

impl Heartbeat {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let heartbeat_ms: Option<i64> = row.try_get("heartbeat_ms")?;
        Ok(Self {
            execution: Execution::from_row(row)?,
            heartbeat: heartbeat_ms.map(from_ms),
        })
    }

    /// None for a run that the server does not know: every column but `run_id` is null.
    pub(crate) fn from_nullable_row(row: &Row) -> Result<Option<Self>, Error> {
        let snapshot_id: Option<SnapshotId> = row.try_get("snapshot_id")?;
        match snapshot_id {
            Some(_) => Self::from_row(row).map(Some),
            None => Ok(None),
        }
    }
}
