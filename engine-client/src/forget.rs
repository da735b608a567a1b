//! Forgetting runs.

use std::time::SystemTime;

use serde::Serialize;
use tokio_postgres::Row;

use crate::time::serialize_time;
use crate::{Error, RunId, RunStatus};

/// Runs to forget: those that match every condition that is set, and there must be one.
///
/// ```
/// use engine_client::ForgetFilter;
///
/// let person = ForgetFilter::default().tag("user:42");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ForgetFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_time"
    )]
    created_after: Option<SystemTime>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "serialize_time"
    )]
    created_before: Option<SystemTime>,
}

impl ForgetFilter {
    /// Only runs of this environment.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = Some(environment_id.into());
        self
    }

    /// Only runs of this task.
    pub fn task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// Only runs of this queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Only runs with this tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Only runs that were triggered after this moment.
    pub fn created_after(mut self, moment: SystemTime) -> Self {
        self.created_after = Some(moment);
        self
    }

    /// Only runs that were triggered before this moment.
    pub fn created_before(mut self, moment: SystemTime) -> Self {
        self.created_before = Some(moment);
        self
    }
}

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
