//! The commands of the pages are commands of the task runner.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use engine_harness::{Page, Workspace};

#[path = "../../bench/arguments.rs"]
#[allow(dead_code, reason = "they are only read here")]
mod bench;

/// The arguments of `cargo xtask` on a line of a page.
fn arguments(line: &str) -> Option<Vec<&str>> {
    let command = line.split(" #").next().unwrap_or_default();
    let (_, rest) = command.split_once("cargo xtask ")?;
    // `$(cargo xtask db | tail -n 1)`
    let rest = rest.split(['|', ')']).next().unwrap_or_default();
    Some(rest.split_whitespace().collect())
}

/// Whether a program accepts the arguments. It parses all of them before one that asks only for help.
fn takes(program: &Path, arguments: &[&str]) -> Result<()> {
    ensure!(program.exists(), "{} is not built", program.display());
    let output = Command::new(program)
        .args(arguments)
        .arg("--help")
        .output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{complaint}");
    Ok(())
}

#[test]
fn the_task_runner_knows_every_command_of_the_pages() -> Result<()> {
    let workspace = Workspace::find()?;
    let programs = workspace.target().join("debug");
    let mut count = 0;
    for page in Page::all()? {
        for block in page.blocks_of("sh") {
            for line in block.text.lines().filter(|line| !line.is_empty()) {
                let place = || format!("{}:{}: {line}", page.path.display(), block.line);
                // A program of the checkout, such as `.ci/run`.
                let first = line.split_whitespace().next().unwrap_or_default();
                if first.contains('/') && workspace.root().join(first).is_file() {
                    continue;
                }
                let arguments = arguments(line).with_context(place)?;
                match arguments.split_first() {
                    // Separate programs, which the task runner would build with cargo.
                    Some((&"demo", rest)) => takes(&programs.join("engine-demo"), rest),
                    Some((&"bench", _)) => bench::Arguments::try_parse_from(&arguments)
                        .map(drop)
                        .map_err(Into::into),
                    _ => takes(&programs.join("xtask"), &arguments),
                }
                .with_context(place)?;
                count += 1;
            }
        }
    }
    assert!(count >= 3, "{count}");
    Ok(())
}
