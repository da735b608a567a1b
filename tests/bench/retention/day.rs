//! A day of a long history, removed in one pass beside the work of another session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;
use tokio_postgres::Client;

use super::super::course::Course;
use super::super::figure::{Figure, quantile};
use super::super::stock::Stock;
use super::super::trial::Trial;
use super::TIME_MS;
use super::steady::{BATCH, take};

/// Runs of one transaction of the sweep, as the tick removes them.
const STEP: i32 = 1_000;

const P50: Figure = Figure::new("turn of 100 runs p50, ms", 2);
const P99: Figure = Figure::new("turn of 100 runs p99, ms", 2);
const LONGEST: Figure = Figure::new("longest turn, ms", 2);

/// What the turns of a session take: while another one removes the `swept` oldest runs, or for this time if that is none.
pub(super) async fn trial(stock: &Stock<'_>, swept: u64, time: Duration) -> Result<Trial> {
    stock.prewarm().await?;
    let sessions = stock.sessions(2).await?;
    let [worker, sweeper] = <[Client; 2]>::try_from(sessions)
        .map_err(|_| anyhow::anyhow!("two sessions were asked for"))?;
    sweeper
        .execute("select engine_set_retention(keep => '0')", &[])
        .await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let working = tokio::spawn(work(worker, Arc::clone(&is_over)));
    let start = Instant::now();
    if swept == 0 {
        sleep(time).await;
    }
    let mut removed = 0;
    while removed < swept {
        let row = sweeper
            .query_one("select engine_sweep($1)", &[&STEP])
            .await?;
        let step: i32 = row.get(0);
        ensure!(step > 0, "{removed} of {swept} runs were removed");
        removed += u64::try_from(step)?;
    }
    let took = start.elapsed();
    is_over.store(true, Ordering::Relaxed);
    let turns = working.await.context("the session ended abnormally")??;
    let latencies = turns.latencies_ms();
    Ok(Trial {
        figures: vec![
            (TIME_MS, took.as_secs_f64() * 1e3),
            (P50, quantile(&latencies, 0.5)),
            (P99, quantile(&latencies, 0.99)),
            (LONGEST, quantile(&latencies, 1.0)),
        ],
        ..Trial::default()
    })
}

/// Takes runs from trigger to completion, and notes whole turns.
async fn work(client: Client, is_over: Arc<AtomicBool>) -> Result<Course> {
    let (start, mut turns) = (Instant::now(), Course::default());
    while !is_over.load(Ordering::Relaxed) {
        let turn = Instant::now();
        take(&client, &mut Course::default(), start).await?;
        turns.add(start, turn, BATCH as u64);
    }
    Ok(turns)
}
