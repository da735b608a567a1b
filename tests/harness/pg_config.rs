//! The Postgres installation that the extension is built for, as its `pg_config` describes it.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{Workspace, package, progress};

/// The majors for which the extension has a cargo feature.
pub const MAJORS: RangeInclusive<u32> = 14..=18;

/// The major that a plain `cargo build` is set up for.
pub(crate) const PREFERRED_MAJOR: u32 = 15;

/// An installed server with its headers.
#[derive(Clone, Debug)]
pub struct PgConfig {
    path: PathBuf,
    version: String,
    major: u32,
    pub(crate) bin: PathBuf,
    lib: PathBuf,
    share: PathBuf,
}

impl PgConfig {
    /// The installation that `chosen` names, else the first complete one of: the variable
    /// `PGRX_PG_CONFIG_PATH`, the newest of Debian's directories, `pg_config` on the path. Where
    /// there is none, Debian's packages are installed.
    ///
    /// # Errors
    /// If the chosen installation is not complete, or none is there and none can be installed.
    pub fn find_or_install(chosen: Option<&Path>) -> Result<Self> {
        let found = match chosen.map(Self::read).or_else(|| Self::installed().map(Ok)) {
            Some(found) => found?,
            None => {
                package::install_preferred_server()?;
                Self::installed().context("the packages installed no usable pg_config")?
            }
        };
        progress::say(format!("{} ({})", found.version, found.path.display()));
        Ok(found)
    }

    // Cargo's configuration always sets the variable, so what it names need not be there.
    fn installed() -> Option<Self> {
        let named = env::var_os("PGRX_PG_CONFIG_PATH").map(PathBuf::from);
        let mut debian: Vec<Self> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|entry| Self::read(&entry.ok()?.path().join("bin/pg_config")).ok())
            .collect();
        debian.sort_by_key(|installation| installation.major);
        named
            .and_then(|path| Self::read(&path).ok())
            .or_else(|| debian.pop())
            .or_else(|| Self::read(Path::new("pg_config")).ok())
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let output = Command::new(path)
            .output()
            .with_context(|| format!("cannot start {}", path.display()))?;
        ensure!(
            output.status.success(),
            "{} ended with {}",
            path.display(),
            output.status
        );
        let text = String::from_utf8_lossy(&output.stdout);
        let facts: HashMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .collect();
        let fact = |name| {
            let value = facts.get(name).copied();
            value.with_context(|| format!("{} does not say {name}", path.display()))
        };
        let version = fact("VERSION")?.to_owned();
        let major = major_of(&version)?;
        let bin = PathBuf::from(fact("BINDIR")?);
        let headers = PathBuf::from(fact("INCLUDEDIR-SERVER")?);
        for needed in [
            bin.join("postgres"),
            bin.join("initdb"),
            headers.join("postgres.h"),
        ] {
            ensure!(
                needed.exists(),
                "{version} at {} is not complete: {} is missing (Debian: packages postgresql-{major} and \
                 postgresql-server-dev-{major})",
                path.display(),
                needed.display()
            );
        }
        Ok(Self {
            // A bare name would be looked up again, perhaps on another path.
            path: if path.is_absolute() {
                path.to_owned()
            } else {
                bin.join("pg_config")
            },
            lib: PathBuf::from(fact("PKGLIBDIR")?),
            share: PathBuf::from(fact("SHAREDIR")?),
            version,
            major,
            bin,
        })
    }

    /// The path of the program itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// For example `PostgreSQL 15.20 (Debian 15.20-0+deb12u1)`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// For example 15.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Where the server looks for libraries.
    #[must_use]
    pub fn library_directory(&self) -> &Path {
        &self.lib
    }

    /// Where the server looks for `extension/`.
    #[must_use]
    pub fn share_directory(&self) -> &Path {
        &self.share
    }

    /// Where cargo builds the extension for this server. A build for another major than a plain `cargo build` is for has a
    /// directory of its own: in the same one each would drive out the other.
    #[must_use]
    pub fn build_directory(&self, workspace: &Workspace) -> PathBuf {
        if self.major == PREFERRED_MAJOR {
            return workspace.target().to_owned();
        }
        workspace.target().join(format!("pg/{}/build", self.major))
    }

    /// The cargo feature that builds the extension for this server.
    #[must_use]
    pub fn feature(&self) -> String {
        format!("pg{}", self.major)
    }
}

fn major_of(version: &str) -> Result<u32> {
    let digits: String = version
        .chars()
        .skip_while(|character| !character.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    let major = digits
        .parse()
        .with_context(|| format!("\"{version}\" does not name a version"))?;
    if !MAJORS.contains(&major) {
        bail!(
            "{version} is not supported: the extension builds for {}–{}",
            MAJORS.start(),
            MAJORS.end()
        );
    }
    Ok(major)
}
