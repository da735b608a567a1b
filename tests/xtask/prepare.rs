//! What every command that runs a server does first.

use std::path::Path;

use anyhow::Result;
use engine_harness::{Extension, PgConfig, Prefix, Profile, Workspace};

/// Finds or installs Postgres, builds the extension for it, and puts it into the prefix of
/// `purpose`.
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
    })
}

/// A prefix with the current build.
pub struct Prepared {
    pub workspace: Workspace,
    pub prefix: Prefix,
    pub extension: Extension,
}
