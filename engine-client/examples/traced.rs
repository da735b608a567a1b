//! A trace that begins in a service, continues in the attempts of a run and of its child, and is exported over OTLP.
//!
//! ```sh
//! export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 OTEL_SERVICE_NAME=orders
//! cargo run -p engine-client --features opentelemetry --example traced -- "host=/var/run/postgresql dbname=app"
//! ```
//!
//! Without an argument, the connection string is read from `DATABASE_URL`.

use std::error::Error;
use std::time::Duration;

use engine_client::{Connection, Context, Database, Failure, RunId, Trigger, Watch, Worker};
use engine_client::{RetryPolicy, TaskOptions, WorkerConfig};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A worker queue of its own keeps this example from taking other runs.
const WORKER_QUEUE: &str = "traced";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = std::env::args().nth(1);
    let database: Database = match database {
        Some(database) => database.parse()?,
        None => std::env::var("DATABASE_URL")?.parse()?,
    };
    let provider = export()?;
    let connection = database.connect().await?;
    let run_id = take_request(&connection).await?;
    let mut result = Watch::new(connection.client(), run_id.clone());
    let shutdown = async {
        match result.result().await {
            Ok(result) => println!("run {run_id}: {}", result.run_status),
            Err(error) => println!("run {run_id}: {error}"),
        }
    };
    worker(database).run(shutdown).await?;
    connection.close().await;
    // Exports what is left.
    tokio::task::spawn_blocking(move || provider.shutdown()).await??;
    Ok(())
}

/// Spans of `tracing` go to the collector that the environment names; traces and baggage continue in the form of the W3C.
fn export() -> Result<SdkTracerProvider, Box<dyn Error>> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build();
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]));
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("orders"));
    tracing_subscriber::registry().with(layer).try_init()?;
    Ok(provider)
}

/// What a service does in a request: it triggers a run, in a span of its own, with the baggage of the request.
async fn take_request(connection: &Connection) -> Result<RunId, engine_client::Error> {
    let request = tracing::info_span!("POST /orders", otel.kind = "server");
    let baggage = opentelemetry::Context::new().with_baggage([KeyValue::new("tenant", "acme")]);
    // It fails where nothing exports the span.
    let _ = request.set_parent(baggage);
    async {
        let trigger = Trigger::new("order")
            .queue("orders")
            .worker_queue(WORKER_QUEUE)
            .payload(&3)?;
        let span = trigger.span();
        let trigger = trigger.in_trace_of(&span);
        let engine = connection.engine();
        let triggered = engine.trigger(&trigger).instrument(span).await?;
        Ok(triggered.run_id)
    }
    .instrument(request)
    .await
}

fn worker(database: Database) -> Worker {
    let options = TaskOptions {
        retry: Some(RetryPolicy {
            min: Duration::from_millis(2),
            ..RetryPolicy::default()
        }),
        ..TaskOptions::default()
    };
    let config = WorkerConfig {
        worker_queue: WORKER_QUEUE.to_owned(),
        timekeeper: Some(Duration::from_millis(100)),
        ..WorkerConfig::default()
    };
    Worker::new(database)
        .config(config)
        .task_with("order", options, order)
        .task("price", price)
}

/// Its first attempt fails; the span of the second is linked to that of the first.
async fn order(ctx: Context, items: i64) -> Result<i64, Failure> {
    if ctx.attempt_number() == 1 {
        return Err(Failure::message("the shop is closed"));
    }
    let price = Trigger::new("price")
        .queue("prices")
        .worker_queue(WORKER_QUEUE)
        .payload(&items)?;
    // The attempt of the child is a child of this span.
    let pricing = tracing::info_span!("pricing", items);
    let price = ctx.trigger_and_wait("price", price).instrument(pricing);
    Ok(price.await?.output()?)
}

/// Reads the baggage of the request, two runs away.
async fn price(_ctx: Context, items: i64) -> Result<i64, Failure> {
    let context = opentelemetry::Context::current();
    let tenant = context.baggage().get("tenant").map(ToString::to_string);
    tracing::info_span!("rebate", tenant).in_scope(|| match tenant.as_deref() {
        Some("acme") => Ok(items * 9),
        _ => Ok(items * 10),
    })
}
