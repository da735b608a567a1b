//! Forgetting runs.

use std::time::SystemTime;

use tokio_postgres::Row;

use crate::{Error, RunId, RunStatus};

/// A run, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForgottenRun {
    /// The run.
    pub run_id: RunId,
    /// Its task.
    pub task: String,
    /// Its environment.
    pub environment_id: String,
    /// Its status.
    pub run_status: RunStatus,
    /// When it ended.
    pub completed_at: Option<SystemTime>,
    /// The number of snapshots in its history.
    pub snapshot_count: i64,
    /// `forgotten`, or `removable` where the call only looked; `live`, `unread`, `needed` or `locked` if it stays, with
    /// the meaning that the documentation of `engine_forget` gives them.
    pub outcome: String,
}

impl ForgottenRun {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            run_id: row.try_get("run_id")?,
            task: row.try_get("task")?,
            environment_id: row.try_get("environment_id")?,
            run_status: row.try_get("run_status")?,
            completed_at: row.try_get("completed_at")?,
            snapshot_count: row.try_get("snapshot_count")?,
            outcome: row.try_get("outcome")?,
        })
    }
}
