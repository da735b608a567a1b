//! `cargo xtask lint`: formatting, clippy and pgspot, as in CI.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use engine_harness::{Extension, PgConfig, Profile, Workspace, progress};

use crate::pgspot;

pub fn run(pg_config: Option<&Path>) -> Result<()> {
    let workspace = Workspace::find()?;
    check(
        "formatting",
        workspace.cargo("fmt").args(["--all", "--check"]),
    )?;
    // The extension compiles only against a server's headers, and for one major.
    let pg = PgConfig::find_or_install(pg_config)?;
    let deny = ["--", "--deny", "warnings"];
    check(
        "clippy, extension",
        workspace
            .cargo("clippy")
            .args([
                "--package",
                "engine-ext",
                "--no-default-features",
                "--features",
                &pg.feature(),
            ])
            .arg("--target-dir")
            .arg(pg.build_directory(&workspace))
            .args(deny)
            .env("PGRX_PG_CONFIG_PATH", pg.path()),
    )?;
    check(
        "clippy, everything else",
        workspace
            .cargo("clippy")
            .args(["--workspace", "--exclude", "engine-ext", "--all-targets"])
            .args(deny),
    )?;
    pgspot::run(
        &workspace,
        &Extension::build(&workspace, &pg, Profile::Dev)?,
    )
}

pub(super) fn check(what: &str, command: &mut Command) -> Result<()> {
    progress::say(what);
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "{what}: not clean");
    Ok(())
}
