//! Directories that the server's account can reach.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::account::Account;
use crate::{Workspace, progress, stand_in};

/// The directory `within` `target/`, or one below `/tmp` if the server's account cannot reach that.
pub(crate) fn directory(workspace: &Workspace, within: &str, account: &Account) -> Result<PathBuf> {
    let directory = workspace.target().join(within);
    fs::create_dir_all(&directory)?;
    if account.can_enter(&directory)? {
        return Ok(directory);
    }
    let outside = stand_in::make(workspace.target(), account)?;
    progress::say(format!(
        "user {} cannot enter {}: using {} instead",
        account.name(),
        directory.display(),
        outside.display()
    ));
    let directory = outside.join(within);
    fs::create_dir_all(&directory)?;
    ensure!(
        account.can_enter(&directory)?,
        "user {} cannot enter {}",
        account.name(),
        directory.display()
    );
    Ok(directory)
}
