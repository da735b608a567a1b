//! The span of an attempt, and the trace that it continues.
//!
//! With the feature `opentelemetry` traces continue across the database; without it a span only names the trace that the
//! trigger has passed. Both forms have the same functions.

#[cfg(feature = "opentelemetry")]
mod carrier;
#[cfg_attr(feature = "opentelemetry", path = "trace/exported.rs")]
#[cfg_attr(not(feature = "opentelemetry"), path = "trace/logged.rs")]
mod form;
#[cfg(feature = "opentelemetry")]
mod producer;
#[cfg(feature = "opentelemetry")]
mod trail;

pub(crate) use self::form::{Trail, attempt, completed, failed, inherited};
use crate::Dequeued;

/// The run's position in the trace of its trigger.
fn traceparent(dequeued: &Dequeued) -> Option<&str> {
    dequeued.trace_context.as_ref()?["traceparent"].as_str()
}
