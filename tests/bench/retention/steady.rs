//! Steady load, with and without a sweep that removes what ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine_client::{Dequeue, Engine, Trigger};
use engine_harness::Cluster;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::Client;

use super::super::caller::start_and_complete;
use super::super::course::Course;
use super::super::figure::{Figure, P50, P99, RATE, quantile};
use super::super::meter::{Meter, settle};
use super::super::stock::Stock;
use super::super::trial::{Series, Trial};

const QUEUED: u64 = 10_000;
pub(super) const BATCH: i32 = 100;

/// Between two ticks.
const PAUSE: Duration = Duration::from_millis(100);

const FIRST_RATE: Figure = Figure::new("runs per second, second window", 0);
const LAST_RATE: Figure = Figure::new("runs per second, last window", 0);
const KEPT: Figure = Figure::new("runs kept at the end", 0);
const MIDDLE_MB: Figure = Figure::new("tables and indexes halfway, MB", 1);
const LAST_MB: Figure = Figure::new("tables and indexes at the end, MB", 1);

pub(super) async fn trial(
    cluster: &Cluster,
    clients: usize,
    is_swept: bool,
    time: Duration,
) -> Result<Trial> {
    let stock = Stock::filled(cluster, QUEUED).await?;
    let observer = stock.observer().await?;
    if is_swept {
        let sql = "select engine_set_retention(keep => '0')";
        observer.execute(sql, &[]).await?;
    }
    let sessions = stock.sessions(clients).await?;
    stock.prewarm().await?;
    observer.batch_execute("checkpoint").await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let ticker = tokio::spawn(tick(
        stock.session(cluster.server()).await?,
        Arc::clone(&is_over),
    ));
    let meter = Meter::start(cluster, &observer).await?;
    let start = Instant::now();
    let halfway = tokio::spawn(halfway(stock.observer().await?, time / 2));
    let mut loads = JoinSet::new();
    for session in sessions {
        loads.spawn(work(session, start, start + time));
    }
    let (mut dequeues, mut ended) = (Course::default(), Vec::new());
    while let Some(load) = loads.join_next().await {
        let (client, course) = load.context("a session ended abnormally")??;
        dequeues.extend(course);
        ended.push(client);
    }
    is_over.store(true, Ordering::Relaxed);
    ended.push(ticker.await.context("the ticks ended abnormally")??);
    let usage = meter.stop(settle(&ended)).await?;
    let middle = halfway.await.context("the observer ended abnormally")??;
    let (runs, latencies, rates) = (
        dequeues.runs(),
        dequeues.latencies_ms(),
        dequeues.rates(time),
    );
    let kept: i64 = observer
        .query_one("select count(*) from engine.run", &[])
        .await?
        .get(0);
    let mut figures = vec![
        (RATE, runs as f64 / time.as_secs_f64()),
        // The first window has the warm-up.
        (FIRST_RATE, rates.get(1).map_or(0.0, |point| point.1)),
        (LAST_RATE, rates.last().map_or(0.0, |point| point.1)),
        (P50, quantile(&latencies, 0.5)),
        (P99, quantile(&latencies, 0.99)),
        (KEPT, kept as f64),
        (MIDDLE_MB, middle),
        (LAST_MB, size(&observer).await?),
    ];
    figures.extend(usage.per_run(runs));
    stock.remove().await?;
    Ok(Trial {
        figures,
        series: vec![Series::new("runs per second", rates)],
        invalid: (dequeues.empty() > 0).then(|| "a dequeue found nothing".to_owned()),
        ..Trial::default()
    })
}

/// Takes runs from trigger to completion until `end`; returns the dequeues.
async fn work(client: Client, start: Instant, end: Instant) -> Result<(Client, Course)> {
    let mut course = Course::default();
    while Instant::now() < end {
        take(&client, &mut course, start).await?;
    }
    Ok((client, course))
}

/// Takes a batch of runs from trigger to completion, and notes the dequeue.
pub(super) async fn take(client: &Client, course: &mut Course, start: Instant) -> Result<()> {
    let engine = Engine::new(client);
    let triggers: Vec<Trigger> = (0..BATCH).map(|_| Trigger::new("noop")).collect();
    engine.trigger_many(&triggers).await?;
    let call = Instant::now();
    let dequeued = engine.dequeue(&Dequeue::default().max_runs(BATCH)).await?;
    course.add(start, call, dequeued.len() as u64);
    start_and_complete(&engine, dequeued).await?;
    Ok(())
}

/// Ticks ten times a second.
pub(super) async fn tick(client: Client, is_over: Arc<AtomicBool>) -> Result<Client> {
    while !is_over.load(Ordering::Relaxed) {
        client
            .query("select engine_tick(max_items => 10000)", &[])
            .await?;
        sleep(PAUSE).await;
    }
    Ok(client)
}

async fn halfway(observer: Client, time: Duration) -> Result<f64> {
    sleep(time).await;
    size(&observer).await
}

/// Megabytes of all tables of the engine with their indexes.
pub(super) async fn size(observer: &Client) -> Result<f64> {
    let sql = "select sum(pg_total_relation_size(c.oid))::bigint from pg_class as c \
               where c.relnamespace = 'engine'::regnamespace and c.relkind = 'r'";
    let bytes: i64 = observer.query_one(sql, &[]).await?.get(0);
    Ok(bytes as f64 / (1024.0 * 1024.0))
}
