//! A directory below `/tmp` that stands in for one below `target/`, where that cannot serve: the
//! server's account cannot enter it, or its path is too long for a socket.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::account::Account;

/// The same for each `original` every time.
pub(crate) fn path_for(original: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    original.hash(&mut hasher);
    PathBuf::from(format!("/tmp/engine-{:016x}", hasher.finish()))
}

/// Creates it, or finds it made earlier.
pub(crate) fn make(original: &Path, account: &Account) -> Result<PathBuf> {
    let path = path_for(original);
    match fs::create_dir(&path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    // Its name can be guessed, so another user may have made it first.
    let found = fs::symlink_metadata(&path)?;
    ensure!(
        found.is_dir() && account.is_ours(found.uid()),
        "{} belongs to another user",
        path.display()
    );
    Ok(path)
}
