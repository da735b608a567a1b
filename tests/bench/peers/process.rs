//! A running adapter: its arguments, and its standard output.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::catalog::Peer;
use super::install::Program;

/// For everything but the work itself.
const PATIENCE: Duration = Duration::from_secs(120);
const DRAIN_PATIENCE: Duration = Duration::from_secs(900);

/// The arguments of an adapter.
pub(super) struct Order {
    /// Of the database.
    pub(super) uri: String,
    pub(super) runs: u64,
    pub(super) clients: usize,
    pub(super) batch: u32,
}

/// An adapter's report on its work.
#[derive(Deserialize)]
pub(super) struct Drained {
    pub(super) jobs: u64,
    pub(super) seconds: f64,
    /// Of each claim and the completions of its jobs, if the library exposes that.
    #[serde(default)]
    pub(super) cycles_ms: Vec<f64>,
}

/// Ends with this value at the latest.
pub(super) struct Process<'a> {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// What it writes to its standard error.
    log: &'a Path,
}

impl<'a> Process<'a> {
    pub(super) fn start(
        program: &'a Program,
        phase: &str,
        order: &Order,
        peer: &Peer,
    ) -> Result<Self> {
        let log = File::create(&program.log)?;
        let mut command = Command::from(program.command());
        for (name, _) in env::vars_os() {
            // Its library would use these for options that the order leaves open.
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        command
            .arg(phase)
            .arg(&order.uri)
            .arg(order.runs.to_string())
            .arg(order.clients.to_string())
            .arg(order.batch.to_string())
            .args(peer.variant)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().context("cannot start its adapter")?;
        let input = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output).lines(),
            log: &program.log,
        })
    }

    pub(super) fn id(&self) -> Result<u32> {
        self.child.id().context("its adapter has ended")
    }

    /// Returns when it has connected.
    pub(super) async fn ready(&mut self) -> Result<()> {
        let line = self.line(PATIENCE).await?;
        ensure!(
            line == "ready",
            "its adapter says {line:?}, not that it is ready"
        );
        Ok(())
    }

    /// Lets it begin, and returns when it has processed the queue.
    pub(super) async fn work(&mut self) -> Result<Drained> {
        self.input.write_all(b"go\n").await?;
        let line = self.line(DRAIN_PATIENCE).await?;
        serde_json::from_str(&line).with_context(|| format!("its adapter says {line:?}"))
    }

    async fn line(&mut self, patience: Duration) -> Result<String> {
        match timeout(patience, self.output.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => bail!("its adapter ended early: {}", complaint(self.log)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => bail!(
                "its adapter is silent for {patience:?}: {}",
                complaint(self.log)
            ),
        }
    }

    /// Lets it disconnect, and returns when it has ended.
    pub(super) async fn end(mut self) -> Result<()> {
        drop(self.input);
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let status = ended.context("its adapter does not end")??;
        ensure!(
            status.success(),
            "its adapter failed: {}",
            complaint(self.log)
        );
        Ok(())
    }
}

/// The adapter's last complaint. Node and Python print much around it.
fn complaint(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let error = text.lines().rfind(|line| line.contains("rror:"));
    error.or(text.lines().last()).unwrap_or_default().to_owned()
}
