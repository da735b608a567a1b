//! Suite `wake`: idle workers, how fast they wake and what they cost.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine_client::{Engine, Trigger, WorkerConfig};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{sleep, timeout};

use super::Bench;
use super::figure::{Figure, quantile};
use super::meter::Meter;
use super::report::Chapter;
use super::stock::Stock;
use super::trial::{Case, Series, Trial, interleave};
use super::worker::Crew;

const ABOUT: &str = "Workers of the driver, idle: with its default settings, where they look up to once a second, and with dequeues \
    that wait in the server for five seconds. Wake: from the moment at which the service learns of \
    the commit of its trigger to the first line of the handler. Idle cost: what all workers together cost the server while \
    nothing is queued.";

/// For workers that wait in the server.
const WAIT: Duration = Duration::from_secs(5);

/// Until every worker has its connections and makes its longest pauses.
const SETTLING: Duration = Duration::from_secs(4);

/// A worker that has not started a run by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

const WAKE_P50: Figure = Figure::new("wake p50, ms", 1);
const WAKE_P99: Figure = Figure::new("wake p99, ms", 1);
const WAKES: Figure = Figure::new("wakes measured", 0);
const IDLE_TRANSACTIONS: Figure = Figure::new("idle: transactions per second", 1);
const IDLE_CPU: Figure = Figure::new("idle: server CPU per second, ms", 1);

#[derive(Clone)]
struct Setup {
    workers: usize,
    /// How long their dequeues wait in the server.
    wait: Duration,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        "idle workers".to_owned()
    }

    fn variant(&self) -> String {
        let workers = match self.workers {
            1 => "1 worker".to_owned(),
            workers => format!("{workers} workers"),
        };
        if self.wait.is_zero() {
            format!("{workers}, looking")
        } else {
            format!("{workers}, waiting in the server")
        }
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(30);
    let cases: Vec<Setup> = bench
        .arguments
        .clients(&[1, 50])
        .into_iter()
        .flat_map(|workers| [Duration::ZERO, WAIT].map(|wait| Setup { workers, wait }))
        .collect();
    let mut pauses = StdRng::seed_from_u64(bench.order.random());
    let cluster = &bench.cluster;
    let repeat = bench.arguments.repeat(1);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        let stock = Stock::empty(cluster).await?;
        let trial = trial(&stock, case, time, &mut pauses).await?;
        stock.remove().await?;
        Ok(trial)
    })
    .await?;
    Ok(Chapter::new("wake", ABOUT, outcomes))
}

async fn trial(
    stock: &Stock<'_>,
    case: &Setup,
    time: Duration,
    pauses: &mut StdRng,
) -> Result<Trial> {
    let observer = stock.observer().await?;
    let service = stock.session(stock.cluster().server()).await?;
    let (sender, mut started) = unbounded_channel();
    let config = WorkerConfig {
        wait: case.wait,
        ..WorkerConfig::default()
    };
    let crew = Crew::start(stock, case.workers, &config, move || {
        // The trial is over once the receiver is gone.
        let _ = sender.send(Instant::now());
    })?;
    sleep(SETTLING).await;

    let meter = Meter::start(stock.cluster(), &observer).await?;
    let start = Instant::now();
    sleep(time).await;
    let seconds = start.elapsed().as_secs_f64();
    let usage = meter.stop(async { Ok(()) }).await?;

    let engine = Engine::new(&service);
    let mut wakes = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        // Long enough for the worker to make its longest pauses again, and never in step with them.
        sleep(Duration::from_millis(pauses.random_range(2_000..3_000))).await;
        engine.trigger(&Trigger::new("noop")).await?;
        let committed = Instant::now();
        let woken = timeout(PATIENCE, started.recv())
            .await
            .context("no worker woke")?
            .context("the workers ended")?;
        let wake = woken.saturating_duration_since(committed);
        wakes.push((start.elapsed().as_secs_f64(), wake.as_secs_f64() * 1e3));
    }
    crew.stop(stock).await?;
    let mut latencies: Vec<f64> = wakes.iter().map(|wake| wake.1).collect();
    latencies.sort_by(f64::total_cmp);
    Ok(Trial {
        figures: vec![
            (WAKE_P50, quantile(&latencies, 0.5)),
            (WAKE_P99, quantile(&latencies, 0.99)),
            (WAKES, latencies.len() as f64),
            (IDLE_TRANSACTIONS, usage.transactions as f64 / seconds),
            (IDLE_CPU, usage.server_cpu.as_secs_f64() * 1e3 / seconds),
        ],
        series: vec![Series::new("wake, ms", wakes)],
        ..Trial::default()
    })
}
