//! `engine shard move`, as an operator calls it.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::node::Node;

/// A shard that has moved.
pub struct Moved {
    pub elapsed: Duration,
    pub held_up: Duration,
}

/// What the command says at its end.
#[derive(Deserialize)]
struct Answer {
    held_up_ms: u64,
}

/// Begins to move a shard.
pub fn start(
    program: &Path,
    shard: u16,
    from: &Node,
    to: &Node,
) -> Result<JoinHandle<Result<Moved>>> {
    let begun = Instant::now();
    let child = Command::new(program)
        .args(["--json", "shard", "move", &shard.to_string()])
        .args(["--to", &to.database.connection_string()])
        .args(["--place", &to.name])
        .env("DATABASE_URL", from.database.connection_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(tokio::spawn(async move {
        let output = child.wait_with_output().await?;
        ensure!(output.status.success(), "engine shard move failed");
        let answer: Answer = serde_json::from_slice(&output.stdout)?;
        Ok(Moved {
            elapsed: begun.elapsed(),
            held_up: Duration::from_millis(answer.held_up_ms),
        })
    }))
}
