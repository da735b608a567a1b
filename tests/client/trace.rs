//! Traces that continue across the database, as a collector receives them.

mod collector;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine_harness::{Database, Session};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tokio::process::Command;
use tokio::time::timeout;

use self::collector::{Collector, Traced};

const PATIENCE: Duration = Duration::from_secs(30);

/// The example, which `cargo test` builds with the tests.
fn example() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.parent().and_then(|deps| deps.parent());
    Ok(profile.context("no profile")?.join("examples/traced"))
}

/// The spans that the example exports.
async fn export(database: &Database) -> Result<Vec<Traced>> {
    let collector = Collector::listen().await?;
    let output = Command::new(example()?)
        .arg(database.connection_string())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .env("OTEL_SERVICE_NAME", "orders")
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, output).await??;
    ensure!(output.status.success(), "{output:?}");
    collector.spans()
}

fn only<'a>(spans: &'a [Traced], name: &str) -> Result<&'a Traced> {
    let named: Vec<&Traced> = spans.iter().filter(|span| span.name() == name).collect();
    ensure!(named.len() == 1, "{} spans are named {name}", named.len());
    Ok(named[0])
}

#[tokio::test]
async fn a_trace_continues_from_its_request_through_a_run_and_its_retry_to_a_child() -> Result<()> {
    let database = Database::fresh().await?;
    let spans = export(&database).await?;
    assert!(spans.iter().all(|span| span.service == "orders"));

    let request = only(&spans, "POST /orders")?;
    let send = only(&spans, "send orders")?;
    assert_eq!(send.parent(), request.id());
    assert_eq!(send.kind(), SpanKind::Producer);

    // The trigger is the parent of each attempt of its run; each attempt is linked to the one before it.
    let mut attempts: Vec<&Traced> = spans
        .iter()
        .filter(|s| s.name() == "process orders")
        .collect();
    attempts.sort_by_key(|span| span.started());
    let [first, second] = attempts[..] else {
        anyhow::bail!("{} attempts", attempts.len());
    };
    for attempt in [first, second] {
        assert_eq!(attempt.parent(), send.id());
        assert_eq!(attempt.kind(), SpanKind::Consumer);
    }
    assert_eq!(second.links(), [first.id()]);
    assert!(first.links().is_empty());
    assert!(first.has_failed() && !second.has_failed());
    assert_eq!(
        first.attribute("error.type").as_deref(),
        Some("STRING_ERROR")
    );

    // A child continues the span in which its parent triggers it, and has the baggage of the request.
    let pricing = only(&spans, "pricing")?;
    assert_eq!(pricing.parent(), second.id());
    let child = only(&spans, "process prices")?;
    assert_eq!(child.parent(), pricing.id());
    let rebate = only(&spans, "rebate")?;
    assert_eq!(rebate.parent(), child.id());
    assert_eq!(rebate.attribute("tenant").as_deref(), Some("acme"));
    assert!(spans.iter().all(|span| span.trace() == request.trace()));

    let session = Session::open(&database).await?;
    let sql = "select r.id, s.attempt_number from engine.run as r join engine.run_state as s on s.run_id = r.id \
               where r.task = 'order'";
    let run = session.client.query_one(sql, &[]).await?;
    let expected = [
        ("messaging.system", "engine"),
        ("messaging.operation.name", "process"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "orders"),
        ("messaging.consumer.group.name", "traced"),
        ("messaging.message.id", run.get(0)),
        ("messaging.message.body.size", "1"),
        ("number", "2"),
        ("engine.run.status", "COMPLETED_SUCCESSFULLY"),
    ];
    for (name, value) in expected {
        assert_eq!(second.attribute(name).as_deref(), Some(value), "{name}");
    }
    session.check().await
}
