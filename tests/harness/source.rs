//! Postgres servers built from their sources, in about five minutes on two cores.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::major::Release;
use crate::{package, progress};

/// Where Postgres itself keeps the archives of all releases.
const UPSTREAM: &str = "https://ftp.postgresql.org/pub/source";

/// Parts of the sources that are built: the server with its programs, and what the benchmark needs.
const PARTS: [&str; 2] = ["src", "contrib/pg_prewarm"];

/// Builds `release` into the directory of its version below `cache`.
pub(crate) fn build(cache: &Path, release: &Release) -> Result<()> {
    package::install_build_tools()?;
    let prefix = cache.join(release.version);
    let fresh = tempfile::tempdir_in(cache)?;
    let archive = download(fresh.path(), release)?;
    let sources = fresh.path().join("sources");
    fs::create_dir(&sources)?;
    let mut unpack = Command::new("tar");
    unpack
        .args(["--extract", "--no-same-owner", "--strip-components=1"])
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(&sources);
    let version = release.version;
    progress::watch(&format!("unpacking PostgreSQL {version}"), &mut unpack)?;
    let mut configure = Command::new("./configure");
    configure
        .current_dir(&sources)
        .arg(format!("--prefix={}", prefix.display()))
        .args(["--with-openssl", "--without-icu", "--without-readline"]);
    progress::watch(&format!("configuring PostgreSQL {version}"), &mut configure)?;
    let jobs = available_parallelism().map_or(2, usize::from);
    let staged = fresh.path().join("staged");
    for part in PARTS {
        let mut make = Command::new("make");
        make.current_dir(&sources)
            .arg(format!("--jobs={jobs}"))
            .args(["--directory", part]);
        progress::watch(&format!("building PostgreSQL {version}: {part}"), &mut make)?;
        let mut install = Command::new("make");
        install
            .current_dir(&sources)
            .args(["--directory", part, "install"])
            .arg(format!("DESTDIR={}", staged.display()));
        progress::watch(
            &format!("installing PostgreSQL {version}: {part}"),
            &mut install,
        )?;
    }
    // Whole or not at all, whenever the command is killed.
    let _ = fs::remove_dir_all(&prefix);
    fs::rename(staged.join(prefix.strip_prefix("/")?), &prefix)?;
    Ok(())
}

/// Asks Postgres's own archive first and a distribution's second; takes only the bytes that are meant.
fn download(directory: &Path, release: &Release) -> Result<PathBuf> {
    let Release {
        major,
        version,
        ending,
        mirror,
        ..
    } = release;
    let archive = directory.join("archive");
    let places = [
        format!("{UPSTREAM}/v{version}/postgresql-{version}.{ending}"),
        format!("{mirror}/postgresql-{major}/postgresql-{major}_{version}.orig.{ending}"),
    ];
    let mut complaints = Vec::new();
    for place in places {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--location"])
            .args(["--connect-timeout", "20", "--max-time", "600", "--output"])
            .arg(&archive)
            .arg(&place);
        let fetched = progress::watch(&format!("downloading {place}"), &mut curl)
            .and_then(|()| check(&archive, release.digest));
        match fetched {
            Ok(()) => return Ok(archive),
            Err(error) => complaints.push(format!("{error:#}")),
        }
    }
    bail!(
        "PostgreSQL {version} cannot be downloaded:\n{}",
        complaints.join("\n")
    )
}

fn check(archive: &Path, digest: &str) -> Result<()> {
    let bytes = fs::read(archive).context("nothing was downloaded")?;
    let mut found = String::new();
    for byte in Sha256::digest(bytes) {
        write!(found, "{byte:02x}")?;
    }
    if found != digest {
        bail!("its digest is {found} instead of {digest}");
    }
    Ok(())
}
