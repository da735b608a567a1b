//! The event log.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio_postgres::Row;

use crate::time::from_ms;
use crate::{Error, RunId};

/// An event of the engine's log.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Position in the log. Continue after the greatest one that you have handled.
    pub position: i64,
    /// The event's name, such as `runSucceeded`.
    pub name: String,
    /// The run that it belongs to.
    pub run_id: RunId,
    /// When it happened, by the server's clock.
    pub time: SystemTime,
    /// Details, with the keys listed in the engine's documentation.
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

/// A named reader of events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventReader {
    /// Its name.
    pub name: String,
    /// The last event that it has acknowledged: continue after it.
    pub position: i64,
    /// Age up to which events are kept for it.
    pub max_lag: Duration,
    /// When it was created.
    pub created_at: SystemTime,
    /// When it acknowledged last.
    pub acknowledged_at: Option<SystemTime>,
}

impl EventReader {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            name: row.try_get("name")?,
            position: row.try_get("position")?,
            max_lag: from_ms(row.try_get("max_lag_ms")?),
            created_at: row.try_get("created_at")?,
            acknowledged_at: row.try_get("acknowledged_at")?,
        })
    }
}

/// A violated invariant: a row of `engine_check`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Name of the invariant.
    pub kind: String,
    /// The run that violates it, if there is one.
    pub run_id: Option<RunId>,
    /// The violation, in words.
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
