//! A run among those of a parent or a batch.

use engine_core::{ExecutionStatus, RunError, RunId, WaitpointId};

use super::outcome::Triggered;
use crate::store::batch_item::{ItemFailure, NewItem};
use crate::store::edge::NewEdge;
use crate::store::trigger::RunRow;

/// A run among those of a parent or a batch.
pub(super) struct Member<'a> {
    pub(super) triggered: &'a Triggered,
    /// Index in its batch.
    pub(super) index: Option<i32>,
    /// The error, if it could not be triggered.
    pub(super) failure: Option<ItemFailure>,
}

impl Member<'_> {
    pub(super) fn parent(&self) -> Option<&RunId> {
        waiting_parent(&self.triggered.new)
    }

    /// Whether it is new, and begins finished.
    pub(super) fn has_ended(&self) -> bool {
        let state = &self.triggered.new.state;
        self.triggered.existing.is_none() && state.execution_status == ExecutionStatus::Finished
    }

    pub(super) fn edge<'a>(&'a self, waitpoint_id: &'a WaitpointId) -> Option<NewEdge<'a>> {
        Some(NewEdge {
            run_id: self.parent()?,
            waitpoint_id,
            batch_index: self.index,
            batch_id: self.triggered.new.run.batch_id.as_ref(),
            span_id: None,
        })
    }

    pub(super) fn item(&self) -> Option<NewItem<'_>> {
        let error = self.triggered.new.state.error.as_ref();
        let message = error.and_then(|error| RunError::parse(error).ok());
        let failed = message.map(|error| ItemFailure {
            code: None,
            message: error.message().to_owned(),
            request: None,
        });
        Some(NewItem {
            batch_id: self.triggered.new.run.batch_id.as_ref()?,
            index: self.index?,
            run_id: self.triggered.run_id(),
            failure: self.failure.clone().or(failed),
        })
    }
}

/// The parent that waits for a new run.
pub(super) fn waiting_parent(new: &RunRow) -> Option<&RunId> {
    let parent = new.run.parent_run_id.as_ref();
    parent.filter(|_| new.run.resume_parent)
}
