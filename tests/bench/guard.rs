//! The guard: what the engine's CPU is to that of plain SQL, compared with what was recorded before. About a minute.
//!
//! Rates differ from run to run on a shared machine, and so does CPU time; the ratio of two CPU times that are measured in turns
//! hardly does.

mod floor;
mod lives;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use engine_harness::{Workspace, progress};

use self::floor::{FloorDequeues, FloorLives};
use self::lives::Lives;
use super::Bench;
use super::caller::Dequeuer;
use super::figure::quantile;
use super::ratio::{compare, run_by_run};
use super::stock::Stock;

/// Where the ratios are recorded.
const FILE: &str = "tests/bench/guard.json";

/// How much worse a ratio may be. The same engine differs by a tenth from machine to machine, most where the two sides make
/// different numbers of round trips.
const TOLERANCE: f64 = 1.2;

const BATCH: usize = 100;

/// More than the dequeues of a variant.
const QUEUED: u32 = 10_000;

/// How often a ratio is measured that is worse, or is to be recorded: what else runs on the machine disturbs one measurement, a
/// slower engine all.
const TRIES: usize = 5;

/// A ratio of server CPU per run.
#[derive(Clone, Copy)]
enum Measure {
    Dequeue,
    Batched,
    Single,
}

impl Measure {
    const ALL: [Self; 3] = [Self::Dequeue, Self::Batched, Self::Single];

    /// Its name in the file.
    fn name(self) -> &'static str {
        match self {
            Self::Dequeue => "dequeue",
            Self::Batched => "batched",
            Self::Single => "single",
        }
    }

    async fn take(self, bench: &Bench) -> Result<f64> {
        match self {
            Self::Dequeue => dequeue(bench).await,
            Self::Batched => lives(bench, "lives of 100 runs to plain SQL", BATCH).await,
            Self::Single => lives(bench, "lives of one run to plain SQL", 1).await,
        }
    }

    /// The least of up to [`TRIES`] measurements, which end once one is no worse than `allowed`.
    async fn least(self, bench: &Bench, allowed: f64) -> Result<f64> {
        let mut least = f64::INFINITY;
        for _ in 0..TRIES {
            least = least.min(self.take(bench).await?);
            if least <= allowed {
                break;
            }
        }
        Ok(least)
    }

    /// The median of [`TRIES`] measurements.
    async fn typical(self, bench: &Bench) -> Result<f64> {
        let mut ratios = Vec::new();
        for _ in 0..TRIES {
            ratios.push(self.take(bench).await?);
        }
        ratios.sort_by(f64::total_cmp);
        Ok(quantile(&ratios, 0.5))
    }
}

/// Measures all ratios, and compares them with the recorded ones, or records them.
pub(super) async fn run(bench: &Bench, workspace: &Workspace, records: bool) -> Result<()> {
    let file = workspace.root().join(FILE);
    if records {
        return record(bench, &file).await;
    }
    let recorded = recorded(&file)?;
    let mut worse = Vec::new();
    for measure in Measure::ALL {
        let name = measure.name();
        let before = recorded
            .get(name)
            .with_context(|| format!("{FILE} has no ratio {name}"))?;
        let allowed = before * TOLERANCE;
        let found = measure.least(bench, allowed).await?;
        println!("{name}: {found:.2} x, recorded {before:.2} x");
        if found > allowed {
            worse.push(format!("{name}: {found:.2} x instead of {before:.2} x"));
        }
    }
    ensure!(
        worse.is_empty(),
        "the engine costs more than 20 % more CPU than recorded: {}",
        worse.join(", ")
    );
    Ok(())
}

/// Ratios by name.
type Ratios = BTreeMap<String, f64>;

async fn record(bench: &Bench, file: &Path) -> Result<()> {
    let mut ratios = Ratios::new();
    for measure in Measure::ALL {
        ratios.insert(measure.name().to_owned(), measure.typical(bench).await?);
    }
    let text = serde_json::to_string_pretty(&ratios)?;
    fs::write(file, text + "\n")?;
    progress::say(format!("recorded in {}", file.display()));
    Ok(())
}

async fn dequeue(bench: &Bench) -> Result<f64> {
    let stock = Stock::empty(&bench.cluster).await?;
    stock.add_queued(QUEUED.into()).await?;
    let plain = FloorDequeues::new(stock.observer().await?, QUEUED.try_into()?).await?;
    stock.tidy().await?;
    let engine = Dequeuer::new(stock.observer().await?, 1).await?;
    let about = "a dequeue to one statement of plain SQL";
    let ratio = compare(about, plain, engine, 100).await?;
    stock.remove().await?;
    Ok(ratio.cpu)
}

async fn lives(bench: &Bench, about: &str, batch: usize) -> Result<f64> {
    let stock = Stock::empty(&bench.cluster).await?;
    let floor = FloorLives::new(stock.observer().await?, batch).await?;
    let engine = Lives::new(stock.observer().await?, batch).await?;
    let ratio = compare(about, floor, engine, run_by_run(batch)).await?;
    stock.remove().await?;
    Ok(ratio.cpu)
}

fn recorded(file: &Path) -> Result<Ratios> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {FILE}"))?;
    Ok(serde_json::from_str(&text)?)
}
