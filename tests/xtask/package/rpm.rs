//! The RPM, in the directories of PostgreSQL's own packages for Red Hat and its relatives.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use engine_harness::{package, progress};

use super::staged::{Staged, copy};

/// Makes `engine_MAJOR-VERSION-1.ARCHITECTURE.rpm` in `out`.
pub fn package(staged: &Staged, out: &Path) -> Result<PathBuf> {
    install_tool()?;
    let tree = tempfile::tempdir_in(out)?;
    let (files, built) = (tree.path().join("files"), tree.path().join("built"));
    let prefix = files.join(format!("usr/pgsql-{}", staged.major));
    staged.lay(&prefix.join("lib"), &prefix.join("share"))?;
    let name = format!("engine_{}", staged.major);
    copy(
        &staged.source("LICENSE"),
        &files.join("usr/share/licenses").join(&name).join("LICENSE"),
    )?;
    copy(
        &staged.source("CHANGELOG.md"),
        &files.join("usr/share/doc").join(&name).join("CHANGELOG.md"),
    )?;
    let spec = tree.path().join("engine.spec");
    let place = files.to_string_lossy().into_owned();
    fs::write(&spec, staged.fill("engine.spec", &[("STAGED", &place)])?)?;
    let mut build = Command::new("rpmbuild");
    build
        .arg("-bb")
        .arg(&spec)
        .arg("--define")
        .arg(format!("_topdir {}", built.display()))
        .args(["--define", "_buildhost engine"])
        .args(["--define", "use_source_date_epoch_as_buildtime 1"])
        .args(["--define", "clamp_mtime_to_source_date_epoch 1"])
        .env("SOURCE_DATE_EPOCH", &staged.epoch);
    progress::watch("making the RPM", &mut build)?;
    let architecture = std::env::consts::ARCH;
    let file = format!("{name}-{}-1.{architecture}.rpm", staged.version);
    let package = out.join(&file);
    let made = built.join("RPMS").join(architecture).join(&file);
    ensure!(made.exists(), "rpmbuild made no {file}");
    fs::copy(made, &package).context("cannot keep the RPM")?;
    Ok(package)
}

fn install_tool() -> Result<()> {
    let has_tool = Command::new("rpmbuild")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if has_tool {
        return Ok(());
    }
    package::update()?;
    package::install(&["rpm"])
}
