//! Bulk actions: one action on all runs that match a filter.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::time::to_rfc3339;
use crate::{Error, RunFilter};

/// What a bulk action does to each of its runs.
///
/// ```
/// use engine_client::BulkAction;
///
/// let action = BulkAction::Move("slow-mail".to_owned());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BulkAction {
    /// Cancels it.
    Cancel,
    /// Triggers a new run that does its work again.
    Replay {
        /// Whether the new run begins with the results of steps and waits.
        keep_steps: bool,
    },
    /// Requeues it, if neither its handler nor a cancel ended it.
    Redrive,
    /// Takes it from its worker, back into its queue.
    Release,
    /// Moves its due time.
    Reschedule(SystemTime),
    /// Moves it to another queue.
    Move(String),
    /// Sets by how many milliseconds it is ahead in its queue.
    SetPriority(i64),
    /// Deletes it with all that belongs to it.
    Forget,
}

impl BulkAction {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Replay { .. } => "replay",
            Self::Redrive => "redrive",
            Self::Release => "release",
            Self::Reschedule(_) => "reschedule",
            Self::Move(_) => "move",
            Self::SetPriority(_) => "set_priority",
            Self::Forget => "forget",
        }
    }

    pub(crate) fn options(&self) -> Option<Value> {
        match self {
            Self::Cancel | Self::Redrive | Self::Release | Self::Forget => None,
            Self::Replay { keep_steps } => Some(json!({"keep_steps": keep_steps})),
            Self::Reschedule(time) => Some(json!({"time": to_rfc3339(*time)})),
            Self::Move(queue) => Some(json!({"queue": queue})),
            Self::SetPriority(priority_ms) => Some(json!({"priority": priority_ms})),
        }
    }
}

/// A bulk action to start, or to look at.
///
/// ```
/// use engine_client::{Bulk, BulkAction, RunFilter};
///
/// let bulk = Bulk::new(BulkAction::Cancel, RunFilter::default().tag("user-17"))
///     .reason("the account is closed")
///     .expected_count(40);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulk {
    pub(crate) action: BulkAction,
    pub(crate) filter: RunFilter,
    pub(crate) reason: Option<String>,
    pub(crate) expected_count: Option<i64>,
}

impl Bulk {
    /// An action on all runs that match.
    pub fn new(action: BulkAction, filter: RunFilter) -> Self {
        Self {
            action,
            filter,
            reason: None,
            expected_count: None,
        }
    }

    /// Why: it is recorded, and becomes the error of runs that are cancelled.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// How many runs matched when they were looked at: the action is refused if they are more than a tenth more.
    pub fn expected_count(mut self, count: i64) -> Self {
        self.expected_count = Some(count);
        self
    }
}

/// A bulk action that has begun, or could, and its runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BulkStart {
    /// Its id, unless the call only looked: a row of the view `engine.bulk`.
    pub bulk_id: Option<String>,
    /// How many runs match.
    pub count: i64,
    /// Whether all of them were counted.
    pub is_exact: bool,
    /// How many, by run status.
    pub statuses: BTreeMap<String, i64>,
    /// When the first of them was triggered.
    pub oldest_at: Option<SystemTime>,
    /// When the last of them was triggered.
    pub newest_at: Option<SystemTime>,
    /// Some of them, if the call only looked.
    pub samples: Vec<Value>,
}

impl BulkStart {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let Json(statuses) = row.try_get("statuses")?;
        let samples: Option<Json<Vec<Value>>> = row.try_get("samples")?;
        Ok(Self {
            bulk_id: row.try_get("bulk_id")?,
            count: row.try_get("count")?,
            is_exact: row.try_get("is_exact")?,
            statuses,
            oldest_at: row.try_get("oldest_at")?,
            newest_at: row.try_get("newest_at")?,
            samples: samples.map_or_else(Vec::new, |Json(samples)| samples),
        })
    }
}
