//! Commands of the command line.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use engine_harness::{Workspace, progress};
use tokio::process::Command;

use super::super::figure::quantile;
use super::super::stock::Stock;
use super::super::trial::Trial;
use super::blocks::Blocks;
use super::{BLOCKS, MOST, P50, REQUESTS};

/// Builds the program, optimised.
pub(super) fn build() -> Result<PathBuf> {
    progress::say("building the command line");
    let workspace = Workspace::find()?;
    let mut build = workspace.cargo("build");
    build.args(["--quiet", "--release", "--package", "engine-cli"]);
    let status = build.status().context("cannot start cargo")?;
    ensure!(status.success(), "the command line cannot be built");
    Ok(workspace.target().join("release/engine"))
}

/// Processes one after the other.
pub(super) async fn trial(stock: &Stock<'_>, program: &Path, line: &str) -> Result<Trial> {
    let blocks = Blocks::start(stock).await?;
    let mut times = Vec::new();
    for _ in 0..REQUESTS {
        let mut command = Command::new(program);
        command.args(line.split(' ')).args(["--json", "--database"]);
        command.arg(stock.connection_string());
        let start = Instant::now();
        let output = command.output().await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        ensure!(output.status.success(), "engine {line}: {output:?}");
    }
    let read = blocks.stop().await? / REQUESTS as f64;
    times.sort_by(f64::total_cmp);
    Ok(Trial {
        figures: vec![
            (P50, quantile(&times, 0.5)),
            (MOST, quantile(&times, 1.0)),
            (BLOCKS, read),
        ],
        ..Trial::default()
    })
}
