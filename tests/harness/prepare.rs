//! The first steps of every command that runs a server.

use std::path::Path;

use anyhow::Result;
use nix::sys::stat::{Mode, umask};

use crate::{Extension, PgConfig, Prefix, Profile, Workspace};

/// A prefix with the current build.
pub struct Prepared {
    /// The checkout.
    pub workspace: Workspace,
    /// The private copy of a Postgres installation.
    pub prefix: Prefix,
    /// The extension loaded in it.
    pub extension: Extension,
    /// The major of that Postgres.
    pub major: u32,
}

/// Finds or installs Postgres, builds the extension for it, and puts it into the prefix of
/// `purpose`.
///
/// # Errors
/// If any of this fails.
pub fn prefix(pg_config: Option<&Path>, purpose: &str, profile: Profile) -> Result<Prepared> {
    let workspace = Workspace::find()?;
    let pg = PgConfig::find_or_install(pg_config)?;
    let extension = Extension::build(&workspace, &pg, profile)?;
    let prefix = Prefix::lay(&workspace, &pg, purpose)?;
    prefix.load(&extension)?;
    Ok(Prepared {
        workspace,
        prefix,
        extension,
        major: pg.major(),
    })
}

/// Lets the server's account, a different one when this process is root, read what this process writes from now on.
pub fn let_server_read() {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
}
