//! Servers of earlier majors, for the tests that upgrade from them.

use std::path::PathBuf;

use anyhow::Result;
use engine_harness::{Cluster, Profile, Workspace, major, prepare, progress};

use super::program::Plan;

/// Majors that are there, or in the same wheel as 18: none of them has to be built.
const MAJORS: [u32; 2] = [15, 16];

/// Tests that upgrade.
const UPGRADES: &str = "crash::upgrade::";

/// The prefixes of these majors with the current build, if the plan has a test that upgrades to `major`.
pub fn prepare(
    workspace: &Workspace,
    plan: &Plan,
    profile: Profile,
    major: u32,
) -> Result<Vec<PathBuf>> {
    let mut tests = plan.tests.iter();
    if !tests.any(|test| test.full_name().starts_with(UPGRADES)) {
        return Ok(Vec::new());
    }
    let mut bases = Vec::new();
    for older in MAJORS.into_iter().filter(|older| *older < major) {
        match major::pg_config(workspace, older) {
            Ok(pg_config) => {
                let prepared = prepare::prefix(Some(&pg_config), "older", profile)?;
                Cluster::sweep(&prepared.prefix)?;
                bases.push(prepared.prefix.base().to_owned());
            }
            Err(error) => progress::say(format!(
                "PostgreSQL {older} cannot be had here: nothing is upgraded from it\n{error:#}"
            )),
        }
    }
    Ok(bases)
}
