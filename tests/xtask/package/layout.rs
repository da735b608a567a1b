//! Library and scripts in two directories, `lib` and `share`: what an extension image holds, and what the settings
//! `dynamic_library_path` and `extension_control_path` of PostgreSQL 18 can point at.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use engine_harness::progress;

use super::staged::{Staged, copy};

/// Makes `engine-VERSION-pgMAJOR-ARCHITECTURE.tar.gz` in `out`.
pub fn archive(staged: &Staged, out: &Path) -> Result<PathBuf> {
    let Staged {
        version,
        major,
        architecture,
        ..
    } = staged;
    let name = format!("engine-{version}-pg{major}-{architecture}");
    let tree = tempfile::tempdir_in(out)?;
    lay(staged, &tree.path().join(&name))?;
    let archive = out.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.args(["--create", "--use-compress-program=gzip --no-name --best"])
        .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mode=go-w", &format!("--mtime=@{}", staged.epoch)])
        .arg("--directory")
        .arg(tree.path())
        .arg("--file")
        .arg(&archive)
        .arg(&name);
    progress::watch("making the layout of an extension image", &mut tar)?;
    Ok(archive)
}

/// The two directories, and the licence.
pub fn lay(staged: &Staged, root: &Path) -> Result<()> {
    staged.lay(&root.join("lib"), &root.join("share"))?;
    copy(&staged.source("LICENSE"), &root.join("licenses/engine"))
}
