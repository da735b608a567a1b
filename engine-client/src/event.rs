//! What happened, in order.

use std::time::SystemTime;

use serde_json::Value;
use tokio_postgres::Row;

use crate::{Error, RunId};

/// An event of the engine's log.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its place in the log. Ask for what comes after the greatest one that you have dealt with.
    pub position: i64,
    /// What happened, such as `runSucceeded`.
    pub name: String,
    /// The run that it happened to.
    pub run_id: RunId,
    /// When, by the server's clock.
    pub time: SystemTime,
    /// The particulars, by the keys of the engine's specification.
    pub body: Value,
}

impl Event {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            position: row.try_get("position")?,
            name: row.try_get("name")?,
            run_id: row.try_get("run_id")?,
            time: row.try_get("time")?,
            body: row.try_get("body")?,
        })
    }
}

/// An invariant that does not hold: a row of `engine_check`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Which invariant.
    pub kind: String,
    /// Of which run, if it is one's.
    pub run_id: Option<RunId>,
    /// How.
    pub detail: String,
}

impl Violation {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            kind: row.try_get("kind")?,
            run_id: row.try_get("run_id")?,
            detail: row.try_get("detail")?,
        })
    }
}
