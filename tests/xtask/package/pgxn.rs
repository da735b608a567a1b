//! The sources as the PostgreSQL Extension Network distributes them: for machines that have cargo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use engine_harness::{Workspace, progress};
use serde_json::Value;

use super::staged::{TEMPLATES, maintainer};

/// Makes `engine-VERSION.zip` in `out`, of what is committed.
pub fn archive(workspace: &Workspace, out: &Path) -> Result<PathBuf> {
    let version = workspace.extension_version();
    let templates = workspace.root().join(TEMPLATES);
    let tree = tempfile::tempdir_in(out)?;
    let meta = fs::read_to_string(templates.join("META.json"))?
        .replace("@VERSION@", version)
        .replace("@MAINTAINER@", &maintainer());
    serde_json::from_str::<Value>(&meta).context("META.json is no JSON")?;
    let described = tree.path().join("META.json");
    fs::write(&described, meta)?;
    let archive = out.join(format!("engine-{version}.zip"));
    let prefix = format!("--prefix=engine-{version}/");
    let mut git = Command::new("git");
    git.current_dir(workspace.root())
        // Times in a zip are local times.
        .env("TZ", "UTC")
        .args(["archive", "--format=zip", &prefix])
        .arg(format!("--add-file={}", described.display()))
        .arg(format!(
            "--add-file={}",
            templates.join("Makefile").display()
        ))
        .arg("--output")
        .arg(&archive)
        .arg("HEAD");
    progress::watch("making the source archive", &mut git)?;
    Ok(archive)
}
