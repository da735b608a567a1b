//! Spans for logs.

use serde_json::Value;
use tracing::Span;
use tracing::field::Empty;

use super::traceparent;
use crate::{Completed, Dequeued, Failure, Identity, RunId};

/// The span of the next attempt of a run. Its number is recorded once it has started.
pub(crate) fn attempt(dequeued: &Dequeued, _: &Identity, _: &Trail) -> Span {
    tracing::info_span!(
        "attempt",
        run_id = %dequeued.run_id,
        task = dequeued.task,
        traceparent = traceparent(dequeued),
        number = Empty,
    )
}

/// The trace of a child that has none of its own.
pub(crate) fn inherited(own: Option<Value>, parent: &Dequeued) -> Option<Value> {
    own.or_else(|| parent.trace_context.clone())
}

pub(crate) fn failed(_: &Failure) {}

pub(crate) fn completed(_: &Completed) {}

/// Links attempts where they are exported.
#[derive(Debug, Default)]
pub(crate) struct Trail {}

impl Trail {
    pub(crate) fn forget(&self, _: &RunId) {}
}
