//! A private copy of a Postgres installation that the extension can be installed into without
//! touching the system.
//!
//! Postgres finds its other directories relative to its own program, so the programs are copied and
//! everything else is linked, under the same absolute paths below the prefix's root.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::account::Account;
use crate::extension::put;
use crate::{Extension, PgConfig, Workspace, progress, reach};

/// Names the prefix that `cargo xtask test` prepared.
pub const PREFIX_VARIABLE: &str = "ENGINE_TEST_PREFIX";

/// Names the prefixes of earlier majors that it prepared, as a path has its directories.
pub const OLDER_PREFIXES_VARIABLE: &str = "ENGINE_TEST_OLDER_PREFIXES";

/// The prefix, and beside it the data of the servers that run from it.
#[derive(Clone, Debug)]
pub struct Prefix {
    base: PathBuf,
    bin: PathBuf,
    pub(crate) account: Account,
}

/// What [`Prefix::load`] had to replace.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    /// The library differs from the one that was there.
    pub library_changed: bool,
    /// The install script does.
    pub script_changed: bool,
}

impl Prefix {
    /// Lays the prefix of `purpose`, or finds it laid and up to date. Each purpose has its own, so that a test run does
    /// not replace the library of a server in use.
    ///
    /// # Errors
    /// If the directories cannot be written.
    pub fn lay(workspace: &Workspace, pg: &PgConfig, purpose: &str) -> Result<Self> {
        let account = Account::for_server()?;
        let within = format!("pg/{}/{purpose}", pg.major());
        let base = reach::directory(workspace, &within, &account)?;
        let lock = File::create(base.join("lock"))?;
        lock.lock()?;
        let stamp = stamp(pg)?;
        let stamp_file = base.join("stamp");
        if fs::read_to_string(&stamp_file).ok().as_ref() != Some(&stamp) {
            progress::say(format!(
                "laying a private copy of {} in {}",
                pg.version(),
                base.display()
            ));
            lay_files(&base, pg)?;
            fs::write(&stamp_file, stamp)?;
        }
        Self::at(base, account)
    }

    /// The prefix that `cargo xtask test` prepared.
    ///
    /// # Errors
    /// If this process was not started by it.
    pub fn shared() -> Result<Self> {
        let Some(base) = env::var_os(PREFIX_VARIABLE) else {
            bail!("{PREFIX_VARIABLE} is not set: run `cargo xtask test`");
        };
        Self::at(base.into(), Account::for_server()?)
    }

    /// The prefixes of earlier majors that `cargo xtask test` prepared, for tests that upgrade from them.
    ///
    /// # Errors
    /// If one of them is gone.
    pub fn older() -> Result<Vec<Self>> {
        let bases = env::var_os(OLDER_PREFIXES_VARIABLE).unwrap_or_default();
        let account = Account::for_server()?;
        env::split_paths(&bases)
            .filter(|base| !base.as_os_str().is_empty())
            .map(|base| Self::at(base, account.clone()))
            .collect()
    }

    fn at(base: PathBuf, account: Account) -> Result<Self> {
        let bin = base
            .join("bin")
            .canonicalize()
            .context("the private prefix is gone")?;
        Ok(Self { base, bin, account })
    }

    /// The directory of this prefix, its servers and their data.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// One of the server's programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Puts `extension` where the prefix's servers look for it.
    ///
    /// # Errors
    /// If the files cannot be written.
    pub fn load(&self, extension: &Extension) -> Result<Loaded> {
        let share = self.base.join("share");
        let mut loaded = Loaded {
            library_changed: false,
            script_changed: false,
        };
        for (source, place) in extension.places(&self.base.join("lib"), &share) {
            let is_changed = replace(source, &place)?;
            loaded.library_changed |= is_changed && source == extension.library;
            loaded.script_changed |= is_changed && source == extension.script;
        }
        for release in &extension.releases {
            let name = release.file_name().unwrap_or_default();
            replace(release, &share.join("extension").join(name))?;
        }
        Ok(loaded)
    }

    /// When the library was last replaced.
    ///
    /// # Errors
    /// If none is loaded.
    pub fn loaded_at(&self) -> Result<SystemTime> {
        Ok(fs::metadata(self.base.join("lib/engine.so"))?.modified()?)
    }
}

/// Changes whenever the prefix has to be laid again.
fn stamp(pg: &PgConfig) -> Result<String> {
    let server = fs::metadata(pg.bin.join("postgres"))?;
    Ok(format!(
        "{}\n{}\n{} {}\n",
        pg.version(),
        pg.bin.display(),
        server.len(),
        server.mtime()
    ))
}

fn replace(source: &Path, place: &Path) -> Result<bool> {
    put(source, place).with_context(|| format!("cannot write {}", place.display()))
}

fn lay_files(base: &Path, pg: &PgConfig) -> Result<()> {
    let root = base.join("prefix");
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    let (lib, share) = (pg.library_directory(), pg.share_directory());
    for (name, original) in [("bin", pg.bin.as_path()), ("lib", lib), ("share", share)] {
        let copy = root.join(original.strip_prefix("/")?);
        fs::create_dir_all(&copy)?;
        let shortcut = base.join(name);
        if shortcut.is_symlink() {
            fs::remove_file(&shortcut)?;
        }
        symlink(&copy, &shortcut)?;
    }
    for entry in fs::read_dir(&pg.bin)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), base.join("bin").join(entry.file_name()))?;
        }
    }
    link_companions(pg, &root)?;
    link_entries(lib, &base.join("lib"))?;
    let extension = base.join("share/extension");
    fs::create_dir(&extension)?;
    link_entries(share, &base.join("share"))?;
    link_entries(&share.join("extension"), &extension)
}

/// Programs of a Python wheel find shared libraries beside their package.
fn link_companions(pg: &PgConfig, root: &Path) -> Result<()> {
    let Some(outside) = pg.bin.ancestors().nth(3) else {
        return Ok(());
    };
    for entry in fs::read_dir(outside)? {
        let entry = entry?;
        if entry
            .path()
            .extension()
            .is_some_and(|ending| ending == "libs")
        {
            symlink(entry.path(), root.join(entry.path().strip_prefix("/")?))?;
        }
    }
    Ok(())
}

/// Links what is in `original` and not in `copy`, except an engine installed there: it would hide the one under test.
fn link_entries(original: &Path, copy: &Path) -> Result<()> {
    for entry in fs::read_dir(original)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_engine = [&b"engine."[..], b"engine--"]
            .iter()
            .any(|start| name.as_encoded_bytes().starts_with(start));
        let link = copy.join(&name);
        if !is_engine && !link.exists() {
            symlink(entry.path(), link)?;
        }
    }
    Ok(())
}
