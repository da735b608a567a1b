//! The outcome of a trigger: a new run, or an existing one.

use engine_core::{RunId, Timestamp};

use crate::backend::value::time;
use crate::store::row::Existing;
use crate::store::trigger::RunRow;

/// The outcome of a trigger.
pub(crate) struct Triggered {
    /// The requested run; written, unless an existing one was found.
    pub(crate) new: RunRow,
    /// The existing run that was found.
    pub(crate) existing: Option<Existing>,
}

impl Triggered {
    /// The run that the trigger returns.
    pub(crate) fn run_id(&self) -> &RunId {
        match &self.existing {
            Some(existing) => &existing.run_id,
            None => &self.new.run_id,
        }
    }

    /// The run as a later trigger finds it.
    pub(super) fn as_existing(&self, now: Timestamp) -> Existing {
        match &self.existing {
            Some(existing) => existing.clone(),
            None => Existing {
                run_id: self.new.run_id.clone(),
                snapshot_id: Some(self.new.snapshot_id.clone()),
                run_status: Some(self.new.state.run_status),
                execution_status: self.new.state.execution_status,
                created_at: Some(time(now)),
                delay_until: self.new.run.delay_until,
            },
        }
    }
}
