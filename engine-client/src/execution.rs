//! The execution row: the latest state of a run.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;

use crate::time::from_ms;
use crate::{Error, ExecutionStatus, RunId, RunStatus, SnapshotId};

/// A run as its latest snapshot shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Execution {
    /// The run's bare id.
    pub run_id: RunId,
    /// The run's latest snapshot.
    pub snapshot_id: SnapshotId,
    /// Execution status of the run.
    pub execution_status: ExecutionStatus,
    /// The run's status as its snapshot shows it.
    pub run_status: RunStatus,
    /// Number of the attempt that started last; none before the first.
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

/// A started attempt; or the end of a run that had been cancelled, or had used up all attempts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Started {
    /// The run, with the snapshot that heartbeats and the completion must name.
    pub execution: Execution,
    /// Time from the start until the first heartbeat must come, or the attempt counts as stalled; none if the run has
    /// ended instead.
    pub heartbeat: Option<Duration>,
}

impl Started {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let heartbeat_ms: Option<i64> = row.try_get("heartbeat_ms")?;
        Ok(Self {
            execution: Execution::from_row(row)?,
            heartbeat: heartbeat_ms.map(from_ms),
        })
    }
}

/// The answer to a heartbeat.
///
/// If its snapshot is not the one that was sent, the run has moved on and its deadline was not extended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// The run after the call.
    pub execution: Execution,
    /// Time until the next heartbeat must come; none if the run's status has no deadline.
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

    /// None for a run that the server does not know: then every column but `run_id` is null.
    pub(crate) fn from_nullable_row(row: &Row) -> Result<Option<Self>, Error> {
        let snapshot_id: Option<SnapshotId> = row.try_get("snapshot_id")?;
        match snapshot_id {
            Some(_) => Self::from_row(row).map(Some),
            None => Ok(None),
        }
    }
}
