//! Spans for OpenTelemetry, named by its conventions for messaging.

use opentelemetry::Context;
use opentelemetry::trace::{Status, TraceContextExt};
use serde_json::Value;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::carrier::{Carrier, LINKED};
use super::traceparent;
use crate::failure::RunError;
use crate::{Completed, Dequeued, Failure, Identity};

pub(crate) use super::trail::Trail;

/// The value of `messaging.system`.
pub(super) const SYSTEM: &str = "engine";

/// The span of the next attempt of a run: a child of the trigger's, with its baggage. Its number is recorded once it has
/// started.
pub(crate) fn attempt(dequeued: &Dequeued, identity: &Identity, trail: &Trail) -> Span {
    let span = tracing::info_span!(
        "attempt",
        otel.kind = "consumer",
        otel.name = format!("process {}", dequeued.queue),
        run_id = %dequeued.run_id,
        task = dequeued.task,
        traceparent = traceparent(dequeued),
        number = Empty,
    );
    // Without a layer of OpenTelemetry there is no parent to set, and nothing to export.
    if span
        .set_parent(Carrier::read(dequeued.trace_context.as_ref()))
        .is_err()
    {
        return span;
    }
    describe(&span, dequeued, identity);
    let linked = dequeued
        .trace_context
        .as_ref()
        .and_then(|all| all.get(LINKED));
    let linked = Carrier::read(linked).span().span_context().clone();
    span.add_link(linked);
    if let Some(previous) = trail.replace(&dequeued.run_id, &span.context()) {
        span.add_link(previous);
    }
    span
}

fn describe(span: &Span, dequeued: &Dequeued, identity: &Identity) {
    span.set_attribute("messaging.system", SYSTEM);
    span.set_attribute("messaging.operation.name", "process");
    span.set_attribute("messaging.operation.type", "process");
    span.set_attribute("messaging.destination.name", dequeued.queue.clone());
    span.set_attribute("messaging.message.id", dequeued.run_id.to_string());
    let size = i64::try_from(dequeued.payload.len()).unwrap_or(i64::MAX);
    span.set_attribute("messaging.message.body.size", size);
    let group = dequeued.worker_queue.clone();
    span.set_attribute("messaging.consumer.group.name", group);
    span.set_attribute("engine.environment.id", dequeued.environment_id.clone());
    if let Some(worker) = identity.worker_id.clone() {
        span.set_attribute("messaging.client.id", worker);
    }
}

/// The trace of a child: it continues the span that triggers it, or is linked to it if it has a trace of its own.
pub(crate) fn inherited(own: Option<Value>, parent: &Dequeued) -> Option<Value> {
    let carrier = Carrier::of(&Span::current());
    match own {
        None if carrier.is_empty() => parent.trace_context.clone(),
        None => Some(carrier.into()),
        Some(Value::Object(mut own)) if !carrier.is_empty() => {
            own.entry(LINKED).or_insert(carrier.into());
            Some(Value::Object(own))
        }
        own => own,
    }
}

/// Marks the current span as that of a failed attempt.
pub(crate) fn failed(failure: &Failure) {
    let span = Span::current();
    let kind = match failure.error() {
        RunError::Message { .. } => "STRING_ERROR",
        RunError::Custom { .. } => "CUSTOM_ERROR",
        RunError::Error { name, .. } => name,
        RunError::Internal { code, .. } => code,
    };
    span.set_attribute("error.type", kind.to_owned());
    span.set_status(Status::error(failure.error().summary()));
}

/// Records the status of the run in the current span.
pub(crate) fn completed(completed: &Completed) {
    let span = Span::current();
    span.set_attribute("engine.run.status", completed.run_status.to_string());
}

/// A context without a span, but with the baggage of `context`.
pub(super) fn without_span(context: &Context) -> Context {
    context.with_remote_span_context(opentelemetry::trace::SpanContext::NONE)
}
