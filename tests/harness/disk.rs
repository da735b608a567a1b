//! A small disk, for tests that fill it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::account::Account;

/// What takes the room of a full disk.
const BALLAST: &str = "ballast";

/// What mounts are named, followed by the process that they belong to.
const NAME: &str = "engine-disk-";

/// A file system in memory. It goes away with this value; that of a process that was killed, with the next one.
#[derive(Debug)]
pub struct SmallDisk {
    place: PathBuf,
}

impl SmallDisk {
    /// Mounts one of this size.
    ///
    /// # Errors
    /// If this process may not mount anything, which takes root.
    pub fn mount(megabytes: u32) -> Result<Self> {
        remove_orphans()?;
        let place = TempDir::with_prefix(NAME)?.keep();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m")]);
        mount.arg(format!("{NAME}{}", process::id()));
        let output = mount.arg(&place).output().context("cannot start mount")?;
        if !output.status.success() {
            fs::remove_dir(&place)?;
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let disk = Self { place };
        Account::for_server()?.own(&disk.place)?;
        Ok(disk)
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Takes all the room that is left.
    ///
    /// # Errors
    /// If the file that takes it cannot be written for another reason.
    pub fn fill(&self) -> Result<()> {
        let mut ballast = File::create(self.place.join(BALLAST))?;
        loop {
            match ballast.write(&[0; 4096]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives it back.
    ///
    /// # Errors
    /// If it is not full.
    pub fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.place.join(BALLAST))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        remove(&self.place);
    }
}

fn remove(place: &Path) {
    let mut unmount = Command::new("umount");
    let unmounted = unmount.arg("--lazy").arg(place).status();
    if unmounted.is_ok_and(|status| status.success()) {
        // At worst an empty directory stays.
        let _ = fs::remove_dir(place);
    }
}

/// Removes the disks of processes that are gone.
fn remove_orphans() -> Result<()> {
    for mount in fs::read_to_string("/proc/mounts")?.lines() {
        let mut words = mount.split(' ');
        let owner = words.next().and_then(|name| name.strip_prefix(NAME));
        if let (Some(owner), Some(place)) = (owner, words.next())
            && !Path::new("/proc").join(owner).exists()
        {
            remove(Path::new(place));
        }
    }
    Ok(())
}
