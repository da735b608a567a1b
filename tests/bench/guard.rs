//! The guard: what the engine's CPU is to that of plain SQL, compared with what was recorded before. About a minute.
//!
//! Rates differ from run to run on a shared machine, and so does CPU time; the ratio of two CPU times that are measured in turns
//! hardly does.

mod floor;
mod lives;
mod ratio;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use engine_harness::{Workspace, progress};

use self::floor::Floor;
use self::lives::Lives;
use self::ratio::{compare, run_by_run};
use super::Bench;
use super::caller::Dequeuer;
use super::statement::OneCommit;
use super::stock::Stock;

/// Where the ratios are recorded.
const FILE: &str = "tests/bench/guard.json";

/// How much worse a ratio may be.
const TOLERANCE: f64 = 1.15;

const BATCH: usize = 100;

/// More than the dequeues of both variants.
const QUEUED: u64 = 20_000;

/// Measures all ratios, and compares them with the recorded ones, or records them.
pub(super) async fn run(bench: &Bench, workspace: &Workspace, records: bool) -> Result<()> {
    let file = workspace.root().join(FILE);
    let found = measure(bench).await?;
    if records {
        let text = serde_json::to_string_pretty(&found)?;
        fs::write(&file, text + "\n")?;
        progress::say(format!("recorded in {}", file.display()));
        return Ok(());
    }
    judge(&found, &recorded(&file)?)
}

/// Ratios of server CPU per run, by name.
type Ratios = BTreeMap<String, f64>;

async fn measure(bench: &Bench) -> Result<Ratios> {
    let mut ratios = Ratios::new();
    let stock = Stock::filled(&bench.cluster, QUEUED).await?;
    let plain = OneCommit::new(stock.observer().await?, 0).await?;
    let engine = Dequeuer::new(stock.observer().await?, 1).await?;
    let ratio = compare(
        "a dequeue to five statements of a client",
        plain,
        engine,
        100,
    )
    .await?;
    ratios.insert("dequeue".to_owned(), ratio);
    stock.remove().await?;
    for (name, about, batch) in [
        ("batched", "lives of 100 runs to plain SQL", BATCH),
        ("single", "lives of one run to plain SQL", 1),
    ] {
        let stock = Stock::empty(&bench.cluster).await?;
        let floor = Floor::new(stock.observer().await?, batch).await?;
        let engine = Lives::new(stock.observer().await?, batch).await?;
        let ratio = compare(about, floor, engine, run_by_run(batch)).await?;
        ratios.insert(name.to_owned(), ratio);
        stock.remove().await?;
    }
    Ok(ratios)
}

fn recorded(file: &Path) -> Result<Ratios> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {FILE}"))?;
    Ok(serde_json::from_str(&text)?)
}

/// Prints both ratios of each kind; fails if one of those that were found is too much worse.
fn judge(found: &Ratios, recorded: &Ratios) -> Result<()> {
    let mut worse = Vec::new();
    for (name, ratio) in found {
        let before = recorded
            .get(name)
            .with_context(|| format!("{FILE} has no ratio {name}"))?;
        println!("{name}: {ratio:.2} x, recorded {before:.2} x");
        if *ratio > before * TOLERANCE {
            worse.push(format!("{name}: {ratio:.2} x instead of {before:.2} x"));
        }
    }
    ensure!(
        worse.is_empty(),
        "the engine costs more than 15 % more CPU than recorded: {}",
        worse.join(", ")
    );
    Ok(())
}
