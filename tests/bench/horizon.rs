//! Suite `horizon`: steady load while a transaction stays open, which holds vacuum back, and while none does.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine_harness::Cluster;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Statement};

use super::Bench;
use super::course::Course;
use super::figure::{Figure, P50, P99, RATE, quantile};
use super::meter::{Meter, settle};
use super::report::Chapter;
use super::sampler::Sampler;
use super::size;
use super::stock::Stock;
use super::trial::{Case, Series, Trial, clients, interleave};

const ABOUT: &str = "Sessions that trigger, dequeue and complete 100 runs at a time, as fast as they are answered; what a dequeue \
    costs in the course of time, in one environment and in twenty that take turns; and a bystander that reads the state of one run \
    over and over. Calls are the dequeues.";

const BATCH: i32 = 100;
const QUEUED: u64 = 10_000;
/// How many environments the runs are spread over; 0 for the built-in one.
const SPREADS: [i64; 2] = [0, 20];

/// Between two reads of the bystander.
const READ_PAUSE: Duration = Duration::from_millis(5);

const FIRST_RATE: Figure = Figure::new("runs per second, first window", 0);
const LAST_RATE: Figure = Figure::new("runs per second, last window", 0);
const READ_P50: Figure = Figure::new("bystander's read p50, ms", 3);
const READ_P99: Figure = Figure::new("bystander's read p99, ms", 3);

#[derive(Clone)]
struct Setup {
    is_held: bool,
    environments: i64,
    clients: usize,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        let clients = clients(self.clients);
        match self.environments {
            0 => clients,
            environments => format!("{clients}, {environments} environments"),
        }
    }

    fn variant(&self) -> String {
        let variant = if self.is_held {
            "a transaction stays open"
        } else {
            "no long transaction"
        };
        variant.to_owned()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(300);
    let mut cases = Vec::new();
    for clients in bench.arguments.clients(&[4]) {
        for environments in SPREADS {
            cases.extend([false, true].map(|is_held| Setup {
                is_held,
                environments,
                clients,
            }));
        }
    }
    let repeat = bench.arguments.repeat(1);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        let stock = fill(&bench.cluster, case.environments).await?;
        stock.prewarm().await?;
        let trial = trial(&stock, case, time).await?;
        stock.remove().await?;
        Ok(trial)
    })
    .await?;
    Ok(Chapter::new("horizon", ABOUT, outcomes))
}

/// Queued runs, so that every dequeue finds one.
async fn fill(cluster: &Cluster, environments: i64) -> Result<Stock<'_>> {
    if environments == 0 {
        return Stock::filled(cluster, QUEUED).await;
    }
    let stock = Stock::empty(cluster).await?;
    stock.add_spread(QUEUED, environments, None).await?;
    stock.tidy().await?;
    Ok(stock)
}

async fn trial(stock: &Stock<'_>, case: &Setup, time: Duration) -> Result<Trial> {
    let observer = stock.observer().await?;
    let mut sessions = Vec::new();
    for client in stock.sessions(case.clients).await? {
        sessions.push(Session::new(client).await?);
    }
    let bystander = stock.observer().await?;
    observer.batch_execute("checkpoint").await?;
    let holder = stock.observer().await?;
    if case.is_held {
        hold(&holder).await?;
    }
    let meter = Meter::start(stock.cluster(), &observer).await?;
    let sampler = Sampler::start(stock.observer().await?).await?;
    let start = Instant::now();
    let end = start + time;
    let reader = tokio::spawn(read(bystander, start, end));
    let sizer = tokio::spawn(size::watch(stock.observer().await?, start, end));
    let mut loads = JoinSet::new();
    for session in sessions {
        loads.spawn(session.work(case.environments, start, end));
    }
    let (mut dequeues, mut clients) = (Course::default(), Vec::new());
    while let Some(ended) = loads.join_next().await {
        let (client, course) = ended.context("a session ended abnormally")??;
        dequeues.extend(course);
        clients.push(client);
    }
    let reads = reader.await.context("the bystander ended abnormally")??;
    let sizes = sizer.await.context("the observer ended abnormally")??;
    let waits = sampler.stop().await?;
    let usage = meter.stop(settle(&clients)).await?;
    drop(holder);
    let runs = dequeues.runs();
    let (latencies, read_latencies) = (dequeues.latencies_ms(), reads.latencies_ms());
    let rates = dequeues.rates(time);
    let mut figures = vec![
        (RATE, runs as f64 / time.as_secs_f64()),
        (FIRST_RATE, rates.first().map_or(0.0, |point| point.1)),
        (LAST_RATE, rates.last().map_or(0.0, |point| point.1)),
        (P50, quantile(&latencies, 0.5)),
        (P99, quantile(&latencies, 0.99)),
        (READ_P50, quantile(&read_latencies, 0.5)),
        (READ_P99, quantile(&read_latencies, 0.99)),
    ];
    figures.extend(usage.per_run(runs));
    figures.extend(size::now(&observer).await?);
    let mut series = vec![
        Series::new("runs per second", rates),
        Series::new("dequeue p50, ms", dequeues.medians(time)),
        Series::new("bystander's read p50, ms", reads.medians(time)),
    ];
    series.extend(sizes);
    let empty = dequeues.empty();
    Ok(Trial {
        figures,
        waits,
        series,
        invalid: (empty > 0).then(|| format!("{empty} dequeues found nothing")),
    })
}

/// Opens a transaction that sees the database as it is now. It ends with its session.
async fn hold(holder: &Client) -> Result<()> {
    let sql = "begin isolation level repeatable read; select from engine.queue_item limit 1";
    Ok(holder.batch_execute(sql).await?)
}

/// A session of the load.
struct Session {
    client: Client,
    trigger: Statement,
    dequeue: Statement,
    succeed: Statement,
}

impl Session {
    async fn new(client: Client) -> Result<Self> {
        Ok(Self {
            trigger: client
                .prepare(include_str!("sql/trigger_batch.sql"))
                .await?,
            dequeue: client
                .prepare(include_str!("sql/dequeue_batch.sql"))
                .await?,
            succeed: client
                .prepare(include_str!("sql/succeed_batch.sql"))
                .await?,
            client,
        })
    }

    async fn work(
        self,
        environments: i64,
        start: Instant,
        end: Instant,
    ) -> Result<(Client, Course)> {
        let run = |n| match environments {
            0 => json!({"task": "noop"}),
            all => json!({"task": "noop", "environment_id": format!("env{}", i64::from(n) % all)}),
        };
        let runs = Json((0..BATCH).map(run).collect::<Vec<_>>());
        let mut course = Course::default();
        while Instant::now() < end {
            self.client.query(&self.trigger, &[&runs]).await?;
            let call = Instant::now();
            let rows = self.client.query(&self.dequeue, &[&BATCH]).await?;
            course.add(start, call, rows.len() as u64);
            let run_ids: Vec<&str> = rows.iter().map(|row| row.get("run_id")).collect();
            let snapshot_ids: Vec<&str> = rows.iter().map(|row| row.get("snapshot_id")).collect();
            self.client
                .query(&self.succeed, &[&run_ids, &snapshot_ids])
                .await?;
        }
        Ok((self.client, course))
    }
}

/// The bystander.
async fn read(client: Client, start: Instant, end: Instant) -> Result<Course> {
    let sql = "select r.id from engine.run as r limit 1000";
    let rows = client.query(sql, &[]).await?;
    let ids: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let statement = client.prepare(include_str!("sql/point_read.sql")).await?;
    let mut course = Course::default();
    for id in ids.iter().cycle() {
        if Instant::now() >= end {
            break;
        }
        let call = Instant::now();
        client.query_one(&statement, &[id]).await?;
        course.add(start, call, 1);
        sleep(READ_PAUSE).await;
    }
    Ok(course)
}
