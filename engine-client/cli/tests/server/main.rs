//! The command line `engine`, on a server.

mod action;
mod bulk;
mod care;
mod filter;
mod forget;
mod growing;
mod metrics;
mod monitor;
mod moving;
#[cfg(feature = "ui")]
mod operator;
mod page;
mod queue;
mod router;
mod run;
mod shard;
mod tail;
mod terminal;
mod top;
#[cfg(feature = "ui")]
mod ui;
mod zone;

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use engine_harness::Database;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_engine");

/// The program on a database, without the colour settings of the tests' environment.
fn command(database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .env("DATABASE_URL", database.connection_string())
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// The program's output without a terminal.
#[derive(Debug)]
struct Printed {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the program to its end.
async fn engine(database: &Database, arguments: &[&str]) -> Result<Printed> {
    let output = command(database, arguments).output().await?;
    let printed = Printed {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    };
    let escape = '\u{1b}';
    ensure!(
        !printed.stdout.contains(escape) && !printed.stderr.contains(escape),
        "an escape code where nothing is a terminal: {printed:?}"
    );
    Ok(printed)
}

/// Runs the program, which must succeed; returns its output.
async fn prints(database: &Database, arguments: &[&str]) -> Result<String> {
    let printed = engine(database, arguments).await?;
    ensure!(
        printed.code == Some(0) && printed.stderr.is_empty(),
        "{arguments:?}: {printed:?}"
    );
    Ok(printed.stdout)
}

/// Runs the program with `--json`.
async fn prints_json(database: &Database, arguments: &[&str]) -> Result<Value> {
    let stdout = prints(database, &[arguments, &["--json"]].concat()).await?;
    serde_json::from_str(&stdout).with_context(|| format!("not JSON: {stdout}"))
}

/// Starts the program; returns its lines as they come.
fn follow(
    database: &Database,
    arguments: &[&str],
) -> Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut child = command(database, arguments)
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().context("no standard output")?;
    Ok((child, BufReader::new(stdout).lines()))
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Value> {
    let line = lines.next_line().await?.context("it has ended")?;
    Ok(serde_json::from_str(&line)?)
}

/// The cells of a printed table.
fn cells(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .map(|line| {
            let cells = line.split("  ").map(str::trim);
            cells.filter(|cell| !cell.is_empty()).collect()
        })
        .collect()
}
