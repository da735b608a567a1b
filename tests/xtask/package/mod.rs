//! `cargo xtask package`: the packages of the extension.

mod check;
mod debian;
mod layout;
mod pgxn;
mod rpm;
mod staged;
mod system;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use engine_harness::{MAJORS, PgConfig, Profile, Workspace, major, progress};

use self::staged::Staged;

#[derive(Args)]
pub struct Arguments {
    /// For every major, not only for one; those that are not at hand are fetched and built first.
    #[arg(long)]
    all: bool,

    /// Make only packages of this kind; may be repeated.
    #[arg(long, value_name = "KIND")]
    only: Vec<Kind>,

    /// Examine the Debian package as Debian does, and try it in an empty Debian system: install, use, update, remove.
    #[arg(long)]
    check: bool,

    /// Take a build that is quick to make, for `--check`; the packages are in a directory of their own.
    #[arg(long, conflicts_with = "twice")]
    quick: bool,

    /// Build in another directory once more, and compare.
    #[arg(long)]
    twice: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A package for Debian and Ubuntu.
    Debian,
    /// A package for Red Hat and its relatives.
    Rpm,
    /// Library and scripts in the directories of an extension image, as CloudNativePG mounts it.
    Layout,
    /// The sources, as the PostgreSQL Extension Network distributes them.
    Pgxn,
}

pub async fn run(pg_config: Option<&Path>, arguments: Arguments) -> Result<()> {
    let workspace = Workspace::find()?;
    let is_meant = |kind| {
        // A check makes the Debian package itself.
        let is_checked = arguments.check && kind == Kind::Debian;
        !is_checked && (arguments.only.is_empty() || arguments.only.contains(&kind))
    };
    let mut out = workspace.target().join("package");
    let mut profile = Profile::Package;
    if arguments.quick {
        out.push("quick");
        profile = Profile::Dev;
    }
    fs::create_dir_all(&out)?;
    if is_meant(Kind::Pgxn) {
        tell(&pgxn::archive(&workspace, &out)?);
    }
    for pg in servers(&workspace, pg_config, arguments.all)? {
        let staged = Staged::of(&workspace, &pg, profile)?;
        for package in make(&staged, &out, &is_meant)? {
            tell(&package);
        }
        if arguments.twice {
            check::twice(&workspace, &pg, &staged)?;
        }
        if arguments.check {
            let package = debian::package(&staged, &out)?;
            tell(&package);
            check::lintian(&package)?;
            trial::run(&workspace, &staged, &package).await?;
        }
    }
    Ok(())
}

fn make(staged: &Staged, out: &Path, is_meant: &impl Fn(Kind) -> bool) -> Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    if is_meant(Kind::Debian) {
        made.push(debian::package(staged, out)?);
    }
    if is_meant(Kind::Rpm) {
        made.push(rpm::package(staged, out)?);
    }
    if is_meant(Kind::Layout) {
        made.push(layout::archive(staged, out)?);
    }
    Ok(made)
}

fn servers(workspace: &Workspace, chosen: Option<&Path>, all: bool) -> Result<Vec<PgConfig>> {
    if !all {
        return Ok(vec![PgConfig::find_or_install(chosen)?]);
    }
    let mut servers = Vec::new();
    for number in MAJORS {
        let path = major::pg_config(workspace, number)?;
        servers.push(PgConfig::find_or_install(Some(&path))?);
    }
    Ok(servers)
}

fn tell(package: &Path) {
    progress::say("made");
    println!("{}", package.display());
}
