//! The work, and what is asked about a run, beside finished runs that are kept.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine_harness::Cluster;
use tokio_postgres::Client;

use super::super::caller::Turns;
use super::super::figure::Figure;
use super::super::load::Limit;
use super::super::measure::measure as measure_callers;
use super::super::ratio::compare as compare_callers;
use super::super::stock::Stock;
use super::super::trial::Trial;

const QUEUED: u64 = 10_000;
const BATCH: i32 = 100;

const OVERVIEW: Figure = Figure::new("engine.run_overview of one run, ms", 2);
const CPU_RATIO: Figure = Figure::new("CPU of a run, × of one beside none", 2);
const TIME_RATIO: Figure = Figure::new("time of a run, × of one beside none", 2);
const EVENTS: Figure = Figure::new("engine_events from the end, ms", 2);

pub(super) async fn fill(cluster: &Cluster, kept: u64) -> Result<Stock<'_>> {
    let stock = Stock::empty(cluster).await?;
    if kept > 0 {
        stock.add_finished(kept).await?;
    }
    stock.add_queued(QUEUED).await?;
    stock.tidy().await?;
    Ok(stock)
}

pub(super) async fn trial(stock: &Stock<'_>, clients: usize, time: Duration) -> Result<Trial> {
    stock.prewarm().await?;
    let sessions = stock.sessions(clients).await?.into_iter();
    let callers = sessions.map(|client| Turns::new(client, BATCH));
    let mut trial = measure_callers(stock, callers.collect(), Limit::time(time)).await?;
    let observer = stock.observer().await?;
    trial.figures.push((OVERVIEW, overview(&observer).await?));
    // The end of the history is summarized.
    observer.batch_execute("select engine_tick()").await?;
    trial.figures.push((EVENTS, events(&observer).await?));
    Ok(trial)
}

/// What a run costs beside those of `filled`, in turns with a run beside those of `none`.
pub(super) async fn compare(none: &Stock<'_>, filled: &Stock<'_>) -> Result<Trial> {
    let mut turns = Vec::new();
    for stock in [none, filled] {
        stock.prewarm().await?;
        turns.push(Turns::new(stock.observer().await?, BATCH));
    }
    let [base, measured] =
        <[Turns; 2]>::try_from(turns).map_err(|_| anyhow::anyhow!("two sessions take turns"))?;
    let ratio = compare_callers("a run beside those that are kept", base, measured, 1).await?;
    Ok(Trial {
        figures: vec![(CPU_RATIO, ratio.cpu), (TIME_RATIO, ratio.time)],
        ..Trial::default()
    })
}

/// The median of ten reads of a run in the middle of all.
async fn overview(observer: &Client) -> Result<f64> {
    let sql = "select r.id from engine.run as r limit 1";
    let run: String = observer.query_one(sql, &[]).await?.get(0);
    let sql = "select o.* from engine.run_overview as o where o.run_id = $1";
    let statement = observer.prepare(sql).await?;
    let mut times = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        observer.query_one(&statement, &[&run]).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    median(times)
}

/// The median of ten reads of the last hundred events.
async fn events(observer: &Client) -> Result<f64> {
    let sql = "select max(s.position) * 8 from engine.snapshot as s";
    let last: i64 = observer.query_one(sql, &[]).await?.get(0);
    let statement = observer
        .prepare("select e.position from engine_events(after => $1, max_events => 100) as e")
        .await?;
    let mut times = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        observer.query(&statement, &[&(last - 800)]).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    median(times)
}

fn median(mut times: Vec<f64>) -> Result<f64> {
    times.sort_by(f64::total_cmp);
    times
        .get(times.len() / 2)
        .copied()
        .context("nothing was read")
}
