//! Checks of packages before they are tried: lintian, and a second build.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use engine_harness::{PgConfig, Profile, Workspace, package, progress};

use super::staged::Staged;
use super::{debian, layout, rpm};

/// Tags that lintian reports for every package from outside Debian's archive.
const BESIDE_THE_POINT: &str = "initial-upload-closes-no-bugs";

/// Has lintian examine a Debian package; a warning is an error.
pub fn lintian(deb: &Path) -> Result<()> {
    let is_there = |program: &str| {
        let mut command = Command::new(program);
        let command = command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !is_there("lintian")
        && let Err(error) = package::update().and_then(|()| package::install(&["lintian"]))
    {
        progress::say(format!(
            "skipped: lintian cannot be installed here\n{error:#}"
        ));
        return Ok(());
    }
    let mut lintian = Command::new("lintian");
    lintian
        .args(["--fail-on", "error,warning", "--allow-root"])
        .args(["--suppress-tags", BESIDE_THE_POINT]);
    progress::watch("lintian", lintian.arg(deb))
}

/// Builds in another directory, and requires packages with the same bytes.
pub fn twice(workspace: &Workspace, pg: &PgConfig, first: &Staged) -> Result<()> {
    let elsewhere = tempfile::tempdir()?;
    let copy = elsewhere.path().join("another/checkout");
    fs::create_dir_all(&copy)?;
    copy_checkout(workspace, &copy)?;
    let other = Workspace::at(&copy)?;
    let mut second = Staged::of(&other, pg, Profile::Package)?;
    second.epoch.clone_from(&first.epoch);
    let outs = [
        elsewhere.path().join("first"),
        elsewhere.path().join("second"),
    ];
    for (staged, out) in [first, &second].into_iter().zip(&outs) {
        fs::create_dir(out)?;
        debian::package(staged, out)?;
        rpm::package(staged, out)?;
        layout::archive(staged, out)?;
    }
    for entry in fs::read_dir(&outs[0])? {
        let name = entry?.file_name();
        let [one, two] = outs.each_ref().map(|out| fs::read(out.join(&name)));
        ensure!(
            one? == two?,
            "{} differs between two builds",
            name.display()
        );
        progress::say(format!("{}: the same bytes twice", name.display()));
    }
    Ok(())
}

/// The files that git knows, as they are now.
fn copy_checkout(workspace: &Workspace, to: &Path) -> Result<()> {
    let list = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(workspace.root())
        .output()
        .context("cannot start git")?;
    let names = to.with_file_name("names");
    fs::write(&names, list.stdout)?;
    let mut copy = Command::new("sh");
    copy.current_dir(workspace.root())
        .args([
            "-c",
            r#"tar --create --null --files-from "$1" | tar --extract --directory "$2""#,
        ])
        .arg("copy")
        .args([names.as_path(), to]);
    progress::watch("copying the checkout", &mut copy)
}
