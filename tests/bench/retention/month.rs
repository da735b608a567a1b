//! A simulated month: a day's runs, then the clock of the database moves on by a day, and the sweep removes what was kept for a week.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, progress};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::super::course::Course;
use super::super::figure::{Figure, RATE, quantile};
use super::super::meter::{Meter, settle};
use super::super::stock::Stock;
use super::super::trial::{Series, Trial};
use super::steady::{BATCH, size, take, tick};

const DAYS: u64 = 30;

/// Days for which runs are kept.
const KEPT_DAYS: u64 = 7;

/// A day lasts seconds here: by default autovacuum would look once in several days. This is the least pause that it takes, and still
/// hours of such a day.
const HASTEN_VACUUM: &str = "alter system set autovacuum_naptime = '1s'";
const LET_VACUUM: &str = "alter system reset autovacuum_naptime";

/// Days of a week.
const WEEK: usize = 7;

/// How long the sweep may take after the last day.
const PATIENCE: Duration = Duration::from_secs(120);

const FIRST_RATE: Figure = Figure::new("runs per second, first day", 0);
const SECOND_RATE: Figure = Figure::new("runs per second, second week", 0);
const LAST_RATE: Figure = Figure::new("runs per second, last week", 0);
const SECOND_P99: Figure = Figure::new("claim p99, second week, ms", 2);
const LAST_P99: Figure = Figure::new("claim p99, last week, ms", 2);
const SECOND_MB: Figure = Figure::new("tables and indexes, second week, MB", 1);
const LAST_MB: Figure = Figure::new("tables and indexes, last week, MB", 1);
const KEPT: Figure = Figure::new("runs kept at the end", 0);

/// What a day was like.
struct Day {
    rate: f64,
    claim_p99: f64,
    megabytes: f64,
}

/// `runs` runs in all, by so many sessions, while another one ticks.
pub(super) async fn trial(cluster: &Cluster, clients: usize, runs: u64) -> Result<Trial> {
    let stock = Stock::empty(cluster).await?;
    let observer = stock.observer().await?;
    let sql = format!(
        "do $$ begin execute format('alter database %I set engine.allow_test_clock = on', current_database()); end $$; \
         select engine_set_retention(keep => '{KEPT_DAYS} days')"
    );
    observer.batch_execute(&sql).await?;
    set(&observer, HASTEN_VACUUM).await?;
    let mut sessions = stock.sessions(clients).await?;
    let clock = stock.session(cluster.server()).await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let ticks = tick(stock.session(cluster.server()).await?, Arc::clone(&is_over));
    let ticker = tokio::spawn(ticks);
    let meter = Meter::start(cluster, &observer).await?;
    let start = Instant::now();
    let batches = runs.div_ceil(DAYS * clients as u64 * BATCH as u64).max(1);
    let mut days = Vec::new();
    for day in 1..=DAYS {
        let (ended, of_day) = work_a_day(sessions, batches).await?;
        sessions = ended;
        days.push(Day {
            megabytes: size(&observer).await?,
            ..of_day
        });
        let sql = "select engine_set_test_clock(clock_timestamp() + make_interval(days => $1))";
        let ahead = i32::try_from(day)?;
        clock.query_one(sql, &[&ahead]).await?;
        if day % 10 == 0 {
            progress::say(format!("day {day} of {DAYS}"));
        }
    }
    let time = start.elapsed();
    let worked = DAYS * clients as u64 * batches * BATCH as u64;
    let is_swept = until_swept(&observer, worked).await;
    is_over.store(true, Ordering::Relaxed);
    sessions.push(ticker.await.context("the ticks ended abnormally")??);
    let usage = meter.stop(settle(&sessions)).await?;
    let kept: i64 = observer
        .query_one("select count(*) from engine.run", &[])
        .await?
        .get(0);
    set(&observer, LET_VACUUM).await?;
    drop(observer);
    stock.remove().await?;
    let mut figures = figures(&days, worked as f64 / time.as_secs_f64(), kept as f64);
    figures.extend(usage.per_run(worked));
    let points = |value: fn(&Day) -> f64| {
        let numbered = days.iter().enumerate();
        numbered
            .map(|(index, day)| (index as f64, value(day)))
            .collect()
    };
    Ok(Trial {
        figures,
        series: vec![
            Series::new("runs per second", points(|day| day.rate)),
            Series::new("megabytes", points(|day| day.megabytes)),
        ],
        invalid: is_swept
            .err()
            .map(|error| format!("the sweep did not follow: {error:#}")),
        ..Trial::default()
    })
}

/// Changes a setting of the server.
async fn set(observer: &Client, change: &str) -> Result<()> {
    observer.batch_execute(change).await?;
    observer.batch_execute("select pg_reload_conf()").await?;
    Ok(())
}

/// Of a week the median day counts. The second week begins with the first day on which the sweep works and tables should grow no
/// more.
fn figures(days: &[Day], rate: f64, kept: f64) -> Vec<(Figure, f64)> {
    let second = &days[KEPT_DAYS as usize + 1..][..WEEK];
    let last = &days[days.len() - WEEK..];
    vec![
        (RATE, rate),
        (FIRST_RATE, days[0].rate),
        (SECOND_RATE, median(second, |day| day.rate)),
        (LAST_RATE, median(last, |day| day.rate)),
        (SECOND_P99, median(second, |day| day.claim_p99)),
        (LAST_P99, median(last, |day| day.claim_p99)),
        (SECOND_MB, median(second, |day| day.megabytes)),
        (LAST_MB, median(last, |day| day.megabytes)),
        (KEPT, kept),
    ]
}

fn median(days: &[Day], of: fn(&Day) -> f64) -> f64 {
    let mut values: Vec<f64> = days.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// Takes the runs of a day from trigger to completion.
async fn work_a_day(sessions: Vec<Client>, batches: u64) -> Result<(Vec<Client>, Day)> {
    let start = Instant::now();
    let mut loads = JoinSet::new();
    for client in sessions {
        loads.spawn(async move {
            let mut course = Course::default();
            for _ in 0..batches {
                take(&client, &mut course, start).await?;
            }
            anyhow::Ok((client, course))
        });
    }
    let (mut claims, mut ended) = (Course::default(), Vec::new());
    while let Some(load) = loads.join_next().await {
        let (client, course) = load.context("a session ended abnormally")??;
        claims.extend(course);
        ended.push(client);
    }
    let day = Day {
        rate: claims.runs() as f64 / start.elapsed().as_secs_f64(),
        claim_p99: quantile(&claims.latencies_ms(), 0.99),
        megabytes: 0.0,
    };
    Ok((ended, day))
}

/// Waits until no more runs are left than those of the days that are kept, and of the one after them.
async fn until_swept(observer: &Client, worked: u64) -> Result<()> {
    let most = worked / DAYS * (KEPT_DAYS + 1);
    eventually(
        "what is older than a week is removed",
        PATIENCE,
        async || {
            let sql = "select count(*) from engine.run";
            let left: i64 = observer.query_one(sql, &[]).await?.get(0);
            Ok(u64::try_from(left)? <= most)
        },
    )
    .await
}
