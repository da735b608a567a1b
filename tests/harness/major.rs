//! Servers of other majors than the one that is installed. Each is kept in a directory below `target/postgres`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::account::Account;
use crate::{PgConfig, Workspace, package, progress, reach, source, wheel};

/// A release to take where no package has its major. It is pinned: what it is made from never changes.
pub(crate) struct Release {
    pub(crate) major: u32,
    pub(crate) version: &'static str,
    /// The ending of the source archive's name.
    pub(crate) ending: &'static str,
    /// SHA-256 of the source archive.
    pub(crate) digest: &'static str,
    /// The directory of a distribution that has the same archive.
    pub(crate) mirror: &'static str,
    /// Where the server is in a Python wheel, if it is in one.
    pub(crate) in_wheel: Option<&'static str>,
}

const DEBIAN: &str = "http://deb.debian.org/debian/pool/main/p";
const UBUNTU: &str = "http://archive.ubuntu.com/ubuntu/pool/main/p";

const RELEASES: [Release; 4] = [
    Release {
        major: 14,
        version: "14.24",
        ending: "tar.gz",
        digest: "563d0b2a985411ed508d05d5b2d883d45abbe51ba5b5e43875ecf25f1ebf26f2",
        mirror: UBUNTU,
        in_wheel: None,
    },
    Release {
        major: 16,
        version: "16.15",
        ending: "tar.gz",
        digest: "4f200ca23dfb120ff9838f13ce06014aad1d3c432d16ee9f93ab2000c0eeef7b",
        mirror: UBUNTU,
        in_wheel: Some("pginstall"),
    },
    Release {
        major: 17,
        version: "17.11",
        ending: "tar.bz2",
        digest: "dd27f2b3c59e73ed14aa3324901242bf69a032a6347805f274e6260322d42979",
        mirror: DEBIAN,
        in_wheel: None,
    },
    Release {
        major: 18,
        version: "18.6",
        ending: "tar.bz2",
        digest: "555610c24d53e4316da5b7d3fc25c279d96856d5e0e23ee308c328c5fa881d9f",
        mirror: DEBIAN,
        in_wheel: Some("pginstall18"),
    },
];

/// The `pg_config` of a server of `major`: an installed one, else Debian's package, else a pinned release, which is fetched
/// once.
///
/// # Errors
/// If it cannot be had.
pub fn pg_config(workspace: &Workspace, major: u32) -> Result<PathBuf> {
    let installed = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin/pg_config"));
    if is_complete(&installed) {
        return Ok(installed);
    }
    if package::offers(major)? {
        package::install_server(major)?;
        return Ok(installed);
    }
    let release = RELEASES.iter().find(|release| release.major == major);
    let release = release.with_context(|| {
        format!("no PostgreSQL {major} is installed, and where to fetch it is not known")
    })?;
    let cache = reach::directory(workspace, "postgres", &Account::for_server()?)?;
    let lock = File::create(cache.join("lock"))?;
    lock.lock()?;
    fetch(workspace, &cache, release)
}

/// Wheels are unpacked in seconds and exist for one architecture; sources take minutes.
fn fetch(workspace: &Workspace, cache: &Path, release: &Release) -> Result<PathBuf> {
    package::install_bindgen()?;
    let built = cache.join(release.version).join("bin/pg_config");
    if is_complete(&built) {
        return Ok(built);
    }
    if let Some(place) = release.in_wheel.filter(|_| wheel::is_for_this_machine()) {
        match wheel::pg_config(workspace, cache, place) {
            Ok(found) => return Ok(found),
            Err(error) => progress::say(format!("no wheel ({error:#}): building from sources")),
        }
    }
    source::build(cache, release)?;
    Ok(built)
}

/// Whether a server and its headers are there.
pub(crate) fn is_complete(pg_config: &Path) -> bool {
    fs::exists(pg_config).unwrap_or(false) && PgConfig::read(pg_config).is_ok()
}
