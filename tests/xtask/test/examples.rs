//! The examples in the documentation, which cargo builds and runs itself: beside the tests, since most of that is
//! building.

use std::process::Stdio;

use anyhow::{Context, Result};
use engine_harness::{Profile, Workspace};
use tokio::process::{Child, Command};

use super::Arguments;
use super::program::SELECTED;
use super::verdict::Counts;

/// The examples while they run.
pub struct Examples {
    cargo: Child,
}

impl Examples {
    pub fn start(workspace: &Workspace, arguments: &Arguments, profile: Profile) -> Result<Self> {
        let mut cargo = workspace.cargo("test");
        cargo
            .args(["--doc", "--quiet", "--no-fail-fast"])
            .args(SELECTED);
        if profile == Profile::Release {
            cargo.arg("--release");
        }
        cargo.arg("--").args(&arguments.filter);
        let cargo = Command::from(cargo)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let cargo = cargo.context("cannot start cargo")?;
        Ok(Self { cargo })
    }

    /// Waits for their end; reports them if any has failed.
    pub async fn finish(self) -> Result<Counts> {
        let output = self.cargo.wait_with_output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut counts = Counts::read(&text);
        if !output.status.success() {
            print!("{text}{}", String::from_utf8_lossy(&output.stderr));
            // Where one does not build, cargo counts none.
            counts.failed = counts.failed.max(1);
        }
        Ok(counts)
    }
}
