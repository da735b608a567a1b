//! What a worker reports of its attempts: spans and counts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use engine_client::{Context, Engine, Failure, RetryPolicy, Trigger, WorkerConfig};
use engine_harness::{Database, Session};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

use crate::running::{Running, config, finished, worker};

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Spans as they were opened, and in which of them each event of a handler came.
#[derive(Default)]
struct Notes {
    spans: Vec<Span>,
    entered: Vec<usize>,
    worked: Vec<String>,
}

struct Span {
    name: &'static str,
    parent: Option<usize>,
    fields: Fields,
}

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // What an exporter reads, with the feature `opentelemetry`.
        if field.name().starts_with("otel.") {
            return;
        }
        let value = format!("{value:?}");
        self.0.extend([" ", field.name(), "=", &value]);
    }
}

impl Notes {
    /// A span within those around it, each with what was recorded of it.
    fn path(&self, span: usize) -> String {
        let Span { name, fields, .. } = &self.spans[span];
        let around = self.spans[span].parent.map(|parent| self.path(parent));
        format!(
            "{}{name}{}",
            around.map_or_else(String::new, |path| path + " > "),
            fields.0
        )
    }

    fn paths(&self, name: &str) -> Vec<String> {
        let named = (0..self.spans.len()).filter(|span| self.spans[*span].name == name);
        named.map(|span| self.path(span)).collect()
    }
}

/// Takes spans down. All of a worker but its heartbeat is on one thread here, so that what was entered last is what is current.
struct Journal(Arc<Mutex<Notes>>);

impl Journal {
    fn index(id: &Id) -> usize {
        id.into_u64() as usize - 1
    }
}

impl Subscriber for Journal {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("engine_client") || metadata.target() == "handler"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut notes = held(&self.0);
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = notes.entered.last().copied();
        notes.spans.push(Span {
            name: attributes.metadata().name(),
            parent,
            fields,
        });
        Id::from_u64(notes.spans.len() as u64)
    }

    fn record(&self, id: &Id, record: &Record<'_>) {
        let mut notes = held(&self.0);
        record.record(&mut notes.spans[Self::index(id)].fields);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut notes = held(&self.0);
        if event.metadata().target() == "handler" {
            let around = notes.entered.last().map(|span| notes.path(*span));
            notes.worked.push(around.unwrap_or_default());
        }
    }

    fn enter(&self, id: &Id) {
        held(&self.0).entered.push(Self::index(id));
    }

    fn exit(&self, _: &Id) {
        held(&self.0).entered.pop();
    }
}

/// Adds up what is counted, by name and labels.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, Arc<Count>>>);

#[derive(Default)]
struct Count(AtomicU64);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl Counts {
    fn of(&self, name: &str) -> u64 {
        let counts = held(&self.0);
        counts
            .get(name)
            .map_or(0, |count| count.0.load(Ordering::Relaxed))
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<&str> = key.labels().map(|label| label.value()).collect();
        let name = format!("{} {}", key.name(), labels.join(" "));
        Counter::from_arc(Arc::clone(held(&self.0).entry(name).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn each_attempt_is_counted_once_and_its_span_has_its_number_once() -> Result<()> {
    let (notes, counts) = (Arc::new(Mutex::new(Notes::default())), Counts::default());
    let _recorder = metrics::set_default_local_recorder(&counts);
    let _subscriber = tracing::subscriber::set_default(Journal(Arc::clone(&notes)));
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let engine = Engine::new(&session.client);
    // Enough for starts that share a call.
    let calm = vec![Trigger::new("calm").payload(&())?; 20];
    engine.trigger_many(&calm).await?;
    let again = Trigger::new("again").payload(&())?.max_attempts(3);
    let again = engine.trigger(&again).await?.run_id;
    // The engine leaves attempts that come again so soon to the worker that has the run.
    let retry = Some(RetryPolicy {
        min: Duration::from_millis(2),
        ..RetryPolicy::default()
    });
    let worker = worker(&database)?
        .config(WorkerConfig { retry, ..config() })
        .task("calm", |_: Context, (): ()| async { Ok(()) })
        .task("again", |ctx: Context, (): ()| async move {
            tracing::info!(target: "handler", "works");
            match ctx.attempt_number() {
                3 => Ok(()),
                _ => Err(Failure::message("not yet")),
            }
        });
    let running = Running::start(worker);
    finished(&session, 21).await?;
    running.stop().await?;

    assert_eq!(counts.of("engine_attempts_started_total calm"), 20);
    assert_eq!(counts.of("engine_attempts_started_total again"), 3);
    session.check().await?;
    let notes = held(&notes);
    let attempts: Vec<String> = notes.paths("attempt");
    assert_eq!(attempts.len(), 23, "{attempts:?}");
    let own = format!("attempt run_id={again} task=\"again\"");
    let expected = [1, 2, 3].map(|number| format!("{own} number={number}"));
    let numbered: Vec<&String> = attempts
        .iter()
        .filter(|path| path.starts_with(&own))
        .collect();
    assert_eq!(numbered, expected.iter().collect::<Vec<_>>());
    assert_eq!(notes.worked, expected);
    Ok(())
}
