//! Python environments below `target/`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::{Workspace, package, progress};

/// The environment of this name, with pip in it.
///
/// # Errors
/// If Python cannot be installed or does not make one.
pub fn environment(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let directory = workspace.target().join(name);
    if directory.join("bin/pip").exists() {
        return Ok(directory);
    }
    let can_make = Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !can_make {
        package::update()?;
        package::install(&["python3-venv"])?;
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&directory);
    progress::watch(&format!("making a Python environment: {name}"), &mut make)?;
    Ok(directory)
}
