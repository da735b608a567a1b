//! What a trigger came to: a new run, or one that was there.

use engine_core::{RunId, Timestamp};

use crate::backend::value::time;
use crate::store::row::Existing;
use crate::store::trigger::RunRow;

/// What a trigger came to.
pub(crate) struct Triggered {
    /// The run that was asked for; written, unless one was found in its place.
    pub(crate) new: RunRow,
    /// The run that was there before.
    pub(crate) existing: Option<Existing>,
}

impl Triggered {
    /// The run that it is about.
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
                snapshot_id: self.new.snapshot_id.clone(),
                run_status: self.new.state.run_status,
                execution_status: self.new.state.execution_status,
                created_at: time(now),
                delay_until: self.new.run.delay_until,
            },
        }
    }
}
