//! Retention policies: how long runs are kept after they have ended.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;

use crate::Error;
use crate::time::from_ms;

/// The runs that a retention policy is about: all, unless it names some.
///
/// ```
/// use engine_client::KeptRuns;
///
/// let failed_mails = KeptRuns::default().environment_id("default").task("mail").outcome("FAILED");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptRuns {
    pub(crate) environment_id: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) queue: Option<String>,
    pub(crate) outcome: Option<String>,
}

impl KeptRuns {
    /// Those of this environment.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = Some(environment_id.into());
        self
    }

    /// Those of this task.
    pub fn task(mut self, task: impl Into<String>) -> Self {
        self.task = Some(task.into());
        self
    }

    /// Those of this queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Those that have ended in this way: `COMPLETED`, `CANCELED`, `EXPIRED`, `FAILED` or `DEAD_LETTER`.
    pub fn outcome(mut self, outcome: impl Into<String>) -> Self {
        self.outcome = Some(outcome.into());
        self
    }
}

/// A retention policy, and the runs for which it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// The runs that it is about.
    pub runs: KeptRuns,
    /// How long they are kept; `None` for ever.
    pub keep: Option<Duration>,
    /// Whether it was not set, but is built in.
    pub is_built_in: bool,
    /// The runs that have ended and for which it holds.
    pub ended_runs: i64,
    /// When it removes the next one.
    pub next_removal_at: Option<SystemTime>,
}

impl RetentionPolicy {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            runs: KeptRuns {
                environment_id: row.try_get("environment_id")?,
                task: row.try_get("task")?,
                queue: row.try_get("queue")?,
                outcome: row.try_get("outcome")?,
            },
            keep: row.try_get::<_, Option<i64>>("keep_ms")?.map(from_ms),
            is_built_in: row.try_get("is_built_in")?,
            ended_runs: row.try_get("ended_runs")?,
            next_removal_at: row.try_get("next_removal_at")?,
        })
    }
}
