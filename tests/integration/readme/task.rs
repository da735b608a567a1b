//! The commands of the pages are commands of the task runner.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use engine_harness::{Page, Workspace};

/// The arguments of `cargo xtask` on a line of a page.
fn arguments(line: &str) -> Option<Vec<&str>> {
    let command = line.split(" #").next().unwrap_or_default();
    let (_, rest) = command.split_once("cargo xtask ")?;
    // `$(cargo xtask db | tail -n 1)`
    let rest = rest.split(['|', ')']).next().unwrap_or_default();
    Some(rest.split_whitespace().collect())
}

#[test]
fn the_task_runner_knows_every_command_of_the_pages() -> Result<()> {
    let workspace = Workspace::find()?;
    let runner = workspace.target().join("debug/xtask");
    ensure!(runner.exists(), "{} is not built", runner.display());
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
                // It reads all arguments in front of the one that only asks what they mean.
                let output = Command::new(&runner)
                    .args(&arguments)
                    .arg("--help")
                    .output()?;
                let complaint = String::from_utf8_lossy(&output.stderr);
                ensure!(output.status.success(), "{}: {complaint}", place());
                count += 1;
            }
        }
    }
    assert!(count >= 3, "{count}");
    Ok(())
}
