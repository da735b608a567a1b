//! What runs wait for.

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::fault::Fault;
use crate::pool::Reader;

const COUNTS: &str = include_str!("sql/wait_counts.sql");

/// Runs of a task that wait for the same.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) task: String,
    kind: String,
    pub(crate) for_task: Option<String>,
    pub(crate) runs: i64,
    pub(crate) suspended: i64,
    pub(crate) longest_ms: i64,
}

impl Waiting {
    /// What they wait for, in words.
    pub(crate) fn what(&self) -> String {
        match (self.kind.as_str(), &self.for_task) {
            (_, Some(task)) => format!("{} waits for {task}", self.task),
            ("DATETIME", _) => format!("{} waits for a time", self.task),
            ("BATCH", _) => format!("{} waits for a batch", self.task),
            ("MANUAL", _) => format!("{} waits for a caller", self.task),
            _ => format!("{} waits", self.task),
        }
    }
}

/// What runs wait for, those with most runs first.
pub(crate) async fn counts(
    reader: &Reader<'_>,
    environment: Option<&str>,
) -> Result<Vec<Waiting>, Fault> {
    reader.rows(COUNTS, &[(&environment, Type::TEXT)]).await
}

const RETRYING: &str = include_str!("sql/retrying.sql");

/// Runs that wait for another attempt.
#[derive(Debug, Clone, Deserialize, Default)]
pub(crate) struct Retrying {
    pub(crate) runs: i64,
    /// The task of most of them.
    pub(crate) task: Option<String>,
}

/// Runs that wait for another attempt, of the runs that are alive.
pub(crate) async fn retrying(
    reader: &Reader<'_>,
    environment: Option<&str>,
) -> Result<Retrying, Fault> {
    Ok(reader
        .row(RETRYING, &[(&environment, Type::TEXT)])
        .await?
        .unwrap_or_default())
}
