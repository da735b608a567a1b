//! A run's `trace_context`: the fields that the propagator of the process reads and writes, such as `traceparent`,
//! `tracestate` and `baggage`.

use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, global};
use serde_json::{Map, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The key below which there is a carrier of a span to link to.
pub(super) const LINKED: &str = "linked";

#[derive(Debug, Default)]
pub(super) struct Carrier(Map<String, Value>);

impl Carrier {
    /// The context of `span`; empty if nothing exports it.
    pub(super) fn of(span: &Span) -> Self {
        let context = span.context();
        if context.span().span_context().is_valid() {
            Self::write(&context)
        } else {
            Self::default()
        }
    }

    pub(super) fn write(context: &Context) -> Self {
        let mut carrier = Self::default();
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(context, &mut carrier);
        });
        carrier
    }

    /// The context in `trace_context`; an empty one if there is none.
    pub(super) fn read(trace_context: Option<&Value>) -> Context {
        let Some(Value::Object(fields)) = trace_context else {
            return Context::new();
        };
        global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::new(), &Fields(fields))
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what this one says below `key`.
    pub(super) fn with(mut self, key: &str, carrier: Self) -> Self {
        self.0.insert(key.to_owned(), carrier.into());
        self
    }
}

impl From<Carrier> for Value {
    fn from(carrier: Carrier) -> Self {
        Self::Object(carrier.0)
    }
}

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value.into());
    }
}

struct Fields<'a>(&'a Map<String, Value>);

impl Extractor for Fields<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}
