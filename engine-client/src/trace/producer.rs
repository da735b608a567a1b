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

#[cfg(test)]
mod tests {
    use opentelemetry::baggage::BaggageExt;
    use opentelemetry::propagation::TextMapCompositePropagator;
    use opentelemetry::trace::TracerProvider;
    use opentelemetry::{Context, KeyValue, global};
    use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn a_run_is_in_the_trace_of_its_trigger_or_only_linked_to_it() {
        global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]));
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("request");
            let baggage = Context::new().with_baggage([KeyValue::new("tenant", "acme")]);
            span.set_parent(baggage).unwrap();
            let carrier = |trigger: Trigger| trigger.trace_context.unwrap();
            let inside = carrier(Trigger::new("t").in_trace_of(&span));
            assert_eq!(inside["baggage"], "tenant=acme");
            let linked = carrier(Trigger::new("t").linked_to(&span));
            assert_eq!(linked["linked"]["traceparent"], inside["traceparent"]);
            assert_eq!(linked["baggage"], "tenant=acme");
            assert!(inside["traceparent"].is_string() && linked["traceparent"].is_null());
        });
    }

    #[test]
    fn a_span_that_nothing_exports_changes_no_trigger() {
        let span = tracing::info_span!("request");
        let trigger = Trigger::new("t").in_trace_of(&span).linked_to(&span);
        assert_eq!(trigger.trace_context, None);
    }
}
