//! Suite `retention`: what the removal of ended runs costs, and what those cost that stay.

mod day;
mod history;
mod month;
mod ring;
mod steady;
mod sweep;

use std::time::Instant;

use anyhow::Result;
use tokio_postgres::Client;

use super::Bench;
use super::figure::Figure;
use super::meter::{Meter, settle};
use super::report::Chapter;
use super::stock::Stock;
use super::trial::{Case, Outcome, Trial, interleave};

const ABOUT: &str = "Runs from trigger to completion, 100 per call, with the sweep and without; the sweep alone; a simulated month; the same work beside \
    finished runs that are kept; a day of these removed in one pass, beside work; and the history in one table beside a ring of list partitions, in plain SQL.";

const NOTES: &str = "With the sweep, ended runs are not kept at all, and one session ticks ten times a second: what is triggered \
    is removed in the same trial, and all of it is in the figures per run. The sweep alone removes runs that were filled in. \
    The month lasts as long as its runs take: thirty times a day's runs, after which the clock of the database moves on by a day; \
    autovacuum_naptime is one second in it, since a day is over in seconds or minutes. \
    `--rows-limit` is the number of finished runs that are kept, one million by default; the month has five million runs, or five \
    times that number.";

/// Finished runs that are kept.
const KEPT: u64 = 1_000_000;

/// Runs of the simulated month.
const MONTH: u64 = 5_000_000;

/// Runs of a trial of the sweep alone, and of the forms of the history.
const SWEPT: u64 = 100_000;

/// Of the runs that are kept, a day has one in so many.
const DAYS_KEPT: u64 = 10;

const TIME_MS: Figure = Figure::new("took, ms", 0);

#[derive(Clone, Copy)]
enum Variant {
    Steady { is_swept: bool },
    Beside { kept: u64 },
    Month { runs: u64 },
    Sweep,
    Vacuum,
    History(ring::Step),
}

#[derive(Clone)]
struct Setup {
    variant: Variant,
    clients: usize,
}

impl Case for Setup {
    fn conditions(&self) -> String {
        match self.variant {
            Variant::Steady { .. } => format!("steady, {} clients", self.clients),
            Variant::Beside { .. } => format!("beside finished runs, {} clients", self.clients),
            Variant::Month { .. } => format!("a simulated month, {} clients", self.clients),
            Variant::Sweep | Variant::Vacuum => format!("the sweep alone, {SWEPT} runs"),
            Variant::History(_) => format!("the form of the history, {SWEPT} runs"),
        }
    }

    fn variant(&self) -> String {
        match self.variant {
            Variant::Steady { is_swept: false } => "without the sweep".to_owned(),
            Variant::Steady { is_swept: true } => "with the sweep".to_owned(),
            Variant::Beside { kept: 0 } => "none".to_owned(),
            Variant::Beside { kept } => format!("{kept} kept"),
            Variant::Month { runs } => format!("{runs} runs, kept for a week"),
            Variant::Sweep => "sweep".to_owned(),
            Variant::Vacuum => "vacuum after it".to_owned(),
            Variant::History(step) => step.name().to_owned(),
        }
    }
}

pub(super) async fn measure(bench: &mut Bench) -> Result<Chapter> {
    let time = bench.arguments.seconds(30);
    let kept = bench.arguments.rows_limit.unwrap_or(KEPT);
    let mut variants = vec![
        Variant::Steady { is_swept: false },
        Variant::Steady { is_swept: true },
        Variant::Sweep,
        Variant::Vacuum,
    ];
    variants.extend(ring::Step::ALL.map(Variant::History));
    let clients = bench.arguments.clients(&[2]);
    let with = |variant, clients| Setup { variant, clients };
    let mut cases: Vec<Setup> = variants
        .into_iter()
        .map(|variant| with(variant, clients[0]))
        .collect();
    let month = Variant::Month {
        runs: MONTH.min(kept.saturating_mul(5)),
    };
    cases.push(with(month, clients[0]));
    for kept in [0, kept] {
        cases.push(with(Variant::Beside { kept }, clients[0]));
    }
    let repeat = bench.arguments.repeat(3);
    let filled = history::fill(&bench.cluster, kept).await?;
    let none = history::fill(&bench.cluster, 0).await?;
    let cluster = &bench.cluster;
    let mut outcomes = interleave(&cases, repeat, &mut bench.order, async |case| {
        match case.variant {
            Variant::Steady { is_swept } => {
                steady::trial(cluster, case.clients, is_swept, time).await
            }
            Variant::Beside { kept: 0 } => history::trial(&none, case.clients, time).await,
            Variant::Beside { .. } => history::trial(&filled, case.clients, time).await,
            Variant::Month { runs } => month::trial(cluster, case.clients, runs).await,
            Variant::Sweep => sweep::trial(cluster, false).await,
            Variant::Vacuum => sweep::trial(cluster, true).await,
            Variant::History(step) => ring::trial(cluster, step).await,
        }
    })
    .await?;
    outcomes.push(Outcome {
        conditions: "beside finished runs, in turns".to_owned(),
        variant: format!("{kept} kept"),
        trials: vec![history::compare(&none, &filled).await?],
    });
    none.remove().await?;
    for swept in [0, kept / DAYS_KEPT] {
        outcomes.push(Outcome {
            conditions: format!("a day of {kept} runs in one pass, beside 1 client"),
            variant: match swept {
                0 => "no sweep".to_owned(),
                swept => format!("{swept} runs removed"),
            },
            trials: vec![day::trial(&filled, swept, time).await?],
        });
    }
    filled.remove().await?;
    Ok(Chapter::new("retention", ABOUT, outcomes).noting([NOTES.to_owned()]))
}

/// What `work` costs, per run of `runs`.
async fn metered(
    stock: &Stock<'_>,
    runs: u64,
    client: &Client,
    work: impl Future<Output = Result<()>>,
) -> Result<Trial> {
    let observer = stock.observer().await?;
    observer.batch_execute("checkpoint").await?;
    settle([client]).await?;
    let meter = Meter::start(stock.cluster(), &observer).await?;
    let start = Instant::now();
    work.await?;
    let time = start.elapsed();
    let usage = meter.stop(settle([client])).await?;
    let mut figures = vec![(TIME_MS, time.as_secs_f64() * 1e3)];
    figures.extend(usage.per_run(runs));
    Ok(Trial {
        figures,
        ..Trial::default()
    })
}
