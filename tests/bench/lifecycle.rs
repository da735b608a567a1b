//! Suite `lifecycle`: runs from trigger to completion.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use engine_client::{Engine, Trigger, WorkerConfig};
use tokio::time::sleep;
use tokio_postgres::Client;

use super::Bench;
use super::caller::Turns;
use super::figure::RATE;
use super::load::Limit;
use super::measure::measure as measure_callers;
use super::meter::{Meter, settle};
use super::report::Chapter;
use super::sampler::Sampler;
use super::stock::Stock;
use super::trial::{Case, Trial, clients, interleave};
use super::worker::Crew;

const ABOUT: &str = "Runs per second through trigger, dequeue, start and completion, in a steady state: as many are triggered as \
    are completed. A call is a trigger and a worker's turn (engine_work), which ends the run of the turn before and starts the next; \
    or these two for a batch of runs. Statements are unnamed, as the driver sends them.";

const BATCHES: &str = "Batched: each call takes 100 runs. The worker's runs are triggered 100 per call by one more session. It dequeues \
    up to 100 runs for as many places as are free: 10 for each client without batches, where each turn is about \
    one run, and 200 for each client with them. Its ticks and beats are counted, too.";

const BATCH: i32 = 100;

/// Enough that no dequeue ever finds the queue empty.
const QUEUED: u64 = 10_000;

/// How many runs a worker executes at once, per connection for its attempts: without batches, and with them.
const CONCURRENCY: usize = 10;
const BATCHED_CONCURRENCY: usize = 200;

/// How often the producer checks whether it has to trigger.
const PRODUCER_PAUSE: Duration = Duration::from_millis(1);

/// Until the worker has all its connections and plans.
const WARM_UP: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
enum Variant {
    Single,
    Worker,
    Batched,
    BatchedWorker,
}

#[derive(Clone)]
struct Setup {
    variant: Variant,
    clients: usize,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        clients(self.clients)
    }

    fn variant(&self) -> String {
        let variant = match self.variant {
            Variant::Single => "one run per call",
            Variant::Worker => "Worker, unbatched",
            Variant::Batched => "batched",
            Variant::BatchedWorker => "Worker, batched",
        };
        variant.to_owned()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(5);
    let stock = Stock::filled(&bench.cluster, QUEUED).await?;
    let mut cases = Vec::new();
    for clients in bench.arguments.clients(&[1, 4, 16]) {
        let variants = [
            Variant::Single,
            Variant::Worker,
            Variant::Batched,
            Variant::BatchedWorker,
        ];
        cases.extend(variants.map(|variant| Setup { variant, clients }));
    }
    let repeat = bench.arguments.repeat(3);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        let copy = stock.copy().await?;
        let trial = trial(&copy, case, time).await?;
        copy.remove().await?;
        Ok(trial)
    })
    .await?;
    stock.remove().await?;
    Ok(Chapter::new("lifecycle", ABOUT, outcomes).noting([BATCHES.to_owned()]))
}

async fn trial(stock: &Stock<'_>, case: &Setup, time: Duration) -> Result<Trial> {
    match case.variant {
        Variant::Worker => return work(stock, &unbatched(case.clients), time).await,
        Variant::BatchedWorker => return work(stock, &batched(case.clients), time).await,
        Variant::Single | Variant::Batched => {}
    }
    let batch = match case.variant {
        Variant::Batched => BATCH,
        Variant::Single | Variant::Worker | Variant::BatchedWorker => 1,
    };
    let sessions = stock.sessions(case.clients).await?.into_iter();
    let callers = sessions.map(|client| Turns::new(client, batch)).collect();
    measure_callers(stock, callers, Limit::time(time)).await
}

/// A worker with `clients` connections for its attempts, and a commit for each start and each completion.
fn unbatched(clients: usize) -> WorkerConfig {
    WorkerConfig {
        concurrency: CONCURRENCY * clients,
        attempt_connections: clients,
        batching: None,
        ..WorkerConfig::default()
    }
}

/// A worker with more runs at once, and commits for many of them.
fn batched(clients: usize) -> WorkerConfig {
    WorkerConfig {
        concurrency: BATCHED_CONCURRENCY * clients,
        attempt_connections: clients,
        ..WorkerConfig::default()
    }
}

/// A trial of one worker. Its sessions cannot be made to report, so its costs cover its whole life.
async fn work(stock: &Stock<'_>, config: &WorkerConfig, time: Duration) -> Result<Trial> {
    let observer = stock.observer().await?;
    let producer = stock.session(stock.cluster().server()).await?;
    observer.batch_execute("checkpoint").await?;
    let meter = Meter::start(stock.cluster(), &observer).await?;
    let sampler = Sampler::start(stock.observer().await?).await?;
    let started = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&started);
    let crew = Crew::start(stock, 1, config, move || {
        count.fetch_add(1, Ordering::Relaxed);
    })?;
    let mut producer = Producer::new(producer);
    producer.keep_up(&started, WARM_UP).await?;
    let (start, before) = (Instant::now(), started.load(Ordering::Relaxed));
    producer.keep_up(&started, time).await?;
    let runs = started.load(Ordering::Relaxed) - before;
    let rate = runs as f64 / start.elapsed().as_secs_f64();
    let waits = sampler.stop().await?;
    crew.stop(stock).await?;
    let usage = meter.stop(settle([&producer.client])).await?;
    let mut figures = vec![(RATE, rate)];
    figures.extend(usage.per_run(started.load(Ordering::Relaxed)));
    Ok(Trial {
        figures,
        waits,
        ..Trial::default()
    })
}

/// The session that triggers what a worker executes.
struct Producer {
    client: Client,
    batch: Vec<Trigger>,
    triggered: u64,
}

impl Producer {
    fn new(client: Client) -> Self {
        Self {
            client,
            batch: (0..BATCH).map(|_| Trigger::new("noop")).collect(),
            triggered: 0,
        }
    }

    /// For `time`, triggers as many runs as are started.
    async fn keep_up(&mut self, started: &AtomicU64, time: Duration) -> Result<()> {
        let engine = Engine::new(&self.client);
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.triggered <= started.load(Ordering::Relaxed) {
                engine.trigger_many(&self.batch).await?;
                self.triggered += self.batch.len() as u64;
            } else {
                sleep(PRODUCER_PAUSE).await;
            }
        }
        Ok(())
    }
}
