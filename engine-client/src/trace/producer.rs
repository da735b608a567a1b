//! The trace of a trigger.

use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::carrier::{Carrier, LINKED};
use super::form::{SYSTEM, without_span};
use crate::Trigger;

/// With the feature `opentelemetry`: what a trigger passes on is written by the propagator of the process,
/// `opentelemetry::global::set_text_map_propagator`, and read by that of the worker. Until one is set, no trace is passed on.
impl Trigger {
    /// A span for the call that triggers this run, with the kind `producer` and the attributes of the conventions for
    /// messaging.
    ///
    /// ```
    /// # use engine_client::{Connection, Error, Trigger};
    /// use tracing::Instrument;
    ///
    /// # async fn place(connection: &Connection) -> Result<(), Error> {
    /// let trigger = Trigger::new("resize").queue("images");
    /// let span = trigger.span();
    /// let trigger = trigger.in_trace_of(&span);
    /// connection.engine().trigger(&trigger).instrument(span).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn span(&self) -> Span {
        let task = self.task.as_deref().unwrap_or_default();
        let queue = match &self.queue {
            Some(queue) => queue.clone(),
            None => format!("task/{task}"),
        };
        let span = tracing::info_span!(
            "trigger",
            otel.kind = "producer",
            otel.name = format!("send {queue}"),
            task,
        );
        span.set_attribute("messaging.system", SYSTEM);
        span.set_attribute("messaging.operation.name", "send");
        span.set_attribute("messaging.operation.type", "send");
        span.set_attribute("messaging.destination.name", queue);
        let size = self.payload.as_ref().map_or(0, String::len);
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        span.set_attribute("messaging.message.body.size", size);
        span
    }

    /// The attempts of the run become children of `span`, and get its baggage. Replaces
    /// [`trace_context`](Self::trace_context), unless nothing exports the span.
    pub fn in_trace_of(mut self, span: &Span) -> Self {
        let carrier = Carrier::of(span);
        if !carrier.is_empty() {
            self.trace_context = Some(carrier.into());
        }
        self
    }

    /// Each attempt of the run begins a trace of its own, with a link to `span` and its baggage: for runs that
    /// come long after their trigger, or by the thousand. Replaces [`trace_context`](Self::trace_context), unless nothing
    /// exports the span.
    pub fn linked_to(mut self, span: &Span) -> Self {
        let carrier = Carrier::of(span);
        if !carrier.is_empty() {
            let baggage = Carrier::write(&without_span(&span.context()));
            self.trace_context = Some(baggage.with(LINKED, carrier).into());
        }
        self
    }
}
