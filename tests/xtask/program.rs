//! Programs of other crates, so that the task runner need not be built with them.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;

use anyhow::{Context, Result};
use engine_harness::{Profile, Workspace};

/// Has cargo build the program of `package` and continues as it.
pub fn become_program(
    package: &str,
    profile: Profile,
    pg_config: Option<&Path>,
    arguments: &[OsString],
) -> Result<Infallible> {
    let mut cargo = Workspace::find()?.cargo("run");
    cargo.args(["--quiet", "--package", package]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    if let Some(path) = pg_config {
        cargo.env("PG_CONFIG", path);
    }
    let error = cargo.arg("--").args(arguments).exec();
    Err(error).context("cannot start cargo")
}
