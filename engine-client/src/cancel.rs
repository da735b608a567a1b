//! Cancelling runs.

use std::time::{Duration, SystemTime};

use tokio_postgres::Row;

use crate::{Error, Execution};

/// How a run is cancelled. Options that are not set have the default of the SQL function.
///
/// ```
/// use engine_client::Cancel;
///
/// let cancel = Cancel::default().reason("the order was withdrawn");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cancel {
    pub(crate) reason: Option<String>,
    pub(crate) finalize: bool,
    pub(crate) completed_at: Option<SystemTime>,
    pub(crate) attempt_duration: Option<Duration>,
    pub(crate) bulk_action_id: Option<String>,
}

impl Cancel {
    /// The message of the run's error. Default: that a user cancelled it.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Ends a run at once even if a worker holds it, instead of asking the worker to stop. The worker learns of it
    /// with its next heartbeat and may continue until then.
    pub fn finalize(mut self) -> Self {
        self.finalize = true;
        self
    }

    /// When the run ended, if not now.
    pub fn completed_at(mut self, completed_at: SystemTime) -> Self {
        self.completed_at = Some(completed_at);
        self
    }

    /// How long the interrupted attempt took; added to the run's usage. Kept to the millisecond.
    pub fn attempt_duration(mut self, duration: Duration) -> Self {
        self.attempt_duration = Some(duration);
        self
    }

    /// The bulk action that includes this cancel.
    pub fn bulk_action_id(mut self, bulk_action_id: impl Into<String>) -> Self {
        self.bulk_action_id = Some(bulk_action_id.into());
        self
    }
}

/// The outcome of a cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cancelled {
    /// The run after the call: FINISHED, or PENDING_CANCEL until its worker has confirmed.
    pub execution: Execution,
    /// Whether the run had ended before.
    pub already_finished: bool,
}

impl Cancelled {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            execution: Execution::from_row(row)?,
            already_finished: row.try_get("already_finished")?,
        })
    }
}
