//! Suite `delay`: dequeues while very many delays end.

use std::time::Instant;

use anyhow::{Result, ensure};
use tokio_postgres::Client;

use super::Bench;
use super::caller::Dequeuer;
use super::figure::{Figure, quantile};
use super::load::Limit;
use super::measure::measure as measure_callers;
use super::report::Chapter;
use super::stock::Stock;
use super::trial::{Case, Trial, clients, interleave};

const ABOUT: &str = "Runs dequeued per second out of a full queue, while nobody has anything else to do, and while one session calls \
    engine_tick(1000) without a pause because 100 thousand delayed runs have fallen due in the same second.";

const FILLING: &str = "The runs were inserted set-based (tests/bench/sql/fill_delayed.sql, fill_queued.sql). Both variants have \
    the delayed runs in their tables. The last figures are of the ticks: from the first one to the one that queued the last run.";

const DELAYED: u64 = 100_000;
/// More than any variant dequeues in a second.
const RUNS_PER_SECOND: u64 = 30_000;

const UNTIL_QUEUED: Figure = Figure::new("all delays ended after, s", 1);
const TICKS: Figure = Figure::new("ticks", 0);
const TICK_P50: Figure = Figure::new("tick p50, ms", 1);
const TICK_P99: Figure = Figure::new("tick p99, ms", 1);
const DEQUEUES: Figure = Figure::new("runs dequeued per second until then", 0);

#[derive(Clone)]
struct Setup {
    max_runs: i32,
    clients: usize,
    is_ticked: bool,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        format!(
            "engine_dequeue({}), {}",
            self.max_runs,
            clients(self.clients)
        )
    }

    fn variant(&self) -> String {
        if self.is_ticked {
            "100 thousand delays end"
        } else {
            "nothing else"
        }
        .to_owned()
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(30);
    let delayed = bench.arguments.rows_limit.unwrap_or(DELAYED).min(DELAYED);
    let stock = Stock::empty(&bench.cluster).await?;
    stock.add_queued(time.as_secs() * RUNS_PER_SECOND).await?;
    stock.add_delayed(delayed).await?;
    stock.tidy().await?;
    let mut cases = Vec::new();
    for clients in bench.arguments.clients(&[4]) {
        for max_runs in [1, 10] {
            cases.extend([false, true].map(|is_ticked| Setup {
                max_runs,
                clients,
                is_ticked,
            }));
        }
    }
    let repeat = bench.arguments.repeat(2);
    let outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        let copy = stock.copy().await?;
        let trial = trial(&copy, case, Limit::time(time), delayed).await?;
        copy.remove().await?;
        Ok(trial)
    })
    .await?;
    stock.remove().await?;
    Ok(Chapter::new("delay", ABOUT, outcomes)
        .noting([FILLING.to_owned()])
        .compared_with("nothing else"))
}

async fn trial(stock: &Stock<'_>, case: &Setup, limit: Limit, delayed: u64) -> Result<Trial> {
    let mut callers = Vec::new();
    for client in stock.sessions(case.clients).await? {
        callers.push(Dequeuer::new(client, case.max_runs).await?);
    }
    if !case.is_ticked {
        return measure_callers(stock, callers, limit).await;
    }
    let ticker = stock.session(stock.cluster().server()).await?;
    let observer = stock.observer().await?;
    let (trial, ticks) = tokio::join!(
        measure_callers(stock, callers, limit),
        tick(&ticker, &observer, delayed)
    );
    let mut trial = trial?;
    trial.figures.extend(ticks?);
    Ok(trial)
}

/// Ticks until all delays have ended.
async fn tick(ticker: &Client, observer: &Client, delayed: u64) -> Result<Vec<(Figure, f64)>> {
    let statement = ticker
        .prepare("select processed from engine_tick(1000) where kind = 'ended_delay'")
        .await?;
    let dequeued = "select count(*) from engine.heartbeat";
    let before: i64 = observer.query_one(dequeued, &[]).await?.get(0);
    let start = Instant::now();
    let (mut ended, mut times) = (0, Vec::new());
    while ended < delayed {
        let began = Instant::now();
        let row = ticker.query_one(&statement, &[]).await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        let processed = u64::try_from(row.get::<_, i32>(0))?;
        ensure!(
            processed > 0,
            "a tick has ended no delay, of which {delayed} are due"
        );
        ended += processed;
    }
    let seconds = start.elapsed().as_secs_f64();
    let after: i64 = observer.query_one(dequeued, &[]).await?.get(0);
    let count = times.len() as f64;
    times.sort_by(f64::total_cmp);
    Ok(vec![
        (UNTIL_QUEUED, seconds),
        (TICKS, count),
        (TICK_P50, quantile(&times, 0.5)),
        (TICK_P99, quantile(&times, 0.99)),
        (DEQUEUES, (after - before) as f64 / seconds),
    ])
}
