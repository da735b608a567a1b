//! Findings of the doctor.

use std::time::Duration;

use tokio_postgres::Row;

use crate::Error;
use crate::time::from_ms;

/// What an operator should know: a row of `engine_doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Whether something is wrong, or about to go wrong; everything else is advice.
    pub is_problem: bool,
    /// What it is about: `tick`, `unclaimed`, `horizon`, …
    pub kind: String,
    /// The queue, session, table or setting that causes it.
    pub subject: String,
    /// The facts, in words.
    pub detail: String,
    /// What to do, in words.
    pub hint: String,
    /// A statement that mends it, or the first step.
    pub command: Option<String>,
    /// How long it has been so, where that is known and matters.
    pub age: Option<Duration>,
}

impl Finding {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let weight: &str = row.try_get("weight")?;
        Ok(Self {
            is_problem: weight == "problem",
            kind: row.try_get("kind")?,
            subject: row.try_get("subject")?,
            detail: row.try_get("detail")?,
            hint: row.try_get("hint")?,
            command: row.try_get("command")?,
            age: row.try_get::<_, Option<i64>>("age_ms")?.map(from_ms),
        })
    }
}
