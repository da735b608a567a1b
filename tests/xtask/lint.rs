//! `cargo xtask lint`: formatting, clippy, licences and pgspot, as in CI.

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
    let strict = ["--", "--deny", "warnings"];
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
            .args(strict)
            .env("PGRX_PG_CONFIG_PATH", pg.path()),
    )?;
    check(
        "clippy, everything else",
        workspace
            .cargo("clippy")
            .args(["--workspace", "--exclude", "engine-ext", "--all-targets"])
            .args(strict),
    )?;
    deny(&workspace)?;
    pgspot::run(
        &workspace,
        &Extension::build(&workspace, &pg, Profile::Dev)?,
    )
}

/// Licences and sources of all crates, where cargo-deny is installed: building it takes longer than all the rest. Known
/// vulnerabilities are looked up by the workflow, which can reach their list.
fn deny(workspace: &Workspace) -> Result<()> {
    let is_installed = workspace.cargo("deny").arg("--version").output();
    if !is_installed.is_ok_and(|output| output.status.success()) {
        progress::say("licences and sources are not checked: cargo-deny is not installed");
        return Ok(());
    }
    let mut deny = workspace.cargo("deny");
    check(
        "licences and sources",
        deny.args([
            "--log-level",
            "error",
            "check",
            "bans",
            "licenses",
            "sources",
        ]),
    )
}

pub(super) fn check(what: &str, command: &mut Command) -> Result<()> {
    progress::say(what);
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "{what}: not clean");
    Ok(())
}
