//! The checkout, as cargo describes it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Where the sources are and where builds go.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
    extension_version: String,
}

impl Workspace {
    /// The workspace of the current directory.
    ///
    /// # Errors
    /// If cargo cannot describe it.
    pub fn find() -> Result<Self> {
        Self::at(Path::new("."))
    }

    /// The workspace of a directory.
    ///
    /// # Errors
    /// If cargo cannot describe it.
    pub fn at(directory: &Path) -> Result<Self> {
        let output = Command::new(cargo_program())
            .current_dir(directory)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cannot start cargo")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "cargo cannot describe the workspace:\n{complaint}"
        );
        let facts: Value = serde_json::from_slice(&output.stdout)?;
        let text = |value: &Value| {
            value
                .as_str()
                .map(str::to_owned)
                .context("unknown form of cargo metadata")
        };
        let packages = facts["packages"]
            .as_array()
            .context("unknown form of cargo metadata")?;
        let extension = packages
            .iter()
            .find(|package| package["name"] == "engine-ext");
        let extension = extension.context("the workspace has no package engine-ext")?;
        Ok(Self {
            root: text(&facts["workspace_root"])?.into(),
            target: text(&facts["target_directory"])?.into(),
            extension_version: text(&extension["version"])?,
        })
    }

    /// The directory of the root `Cargo.toml`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory that builds write to.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The version of the package `engine-ext`.
    #[must_use]
    pub fn extension_version(&self) -> &str {
        &self.extension_version
    }

    /// A cargo command in the workspace's root.
    #[must_use]
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut command = Command::new(cargo_program());
        command.arg(subcommand).current_dir(&self.root);
        command
    }
}

fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
