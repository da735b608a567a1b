//! The account that a server runs as. Postgres refuses to run as root.

use std::env;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User, geteuid};

/// Another user when this process is root, otherwise the user of this process.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    other: Option<User>,
}

impl Account {
    pub(crate) fn for_server() -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self { other: None });
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) = User::from_name(name)? {
                return Ok(Self { other: Some(user) });
            }
        }
        bail!("a server cannot run as root, and neither user \"postgres\" nor \"nobody\" exists")
    }

    pub(crate) fn name(&self) -> &str {
        self.other.as_ref().map_or("oneself", |user| &user.name)
    }

    /// A command that runs as this account and ignores the caller's libpq settings.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        // The caller's directory may be closed to the account.
        command.current_dir("/").stdin(Stdio::null());
        if let Some(user) = &self.other {
            command
                .uid(user.uid.as_raw())
                .gid(user.gid.as_raw())
                .env("HOME", &user.dir);
        }
        command
    }

    /// Makes this account the owner of `path` itself, not of what is below it.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        let Some(user) = &self.other else {
            return Ok(());
        };
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .with_context(|| format!("cannot give {} to user {}", path.display(), user.name))
    }

    /// Whether `uid` is this account or the user of this process.
    pub(crate) fn is_ours(&self, uid: u32) -> bool {
        let uid = Uid::from_raw(uid);
        uid == geteuid() || self.other.as_ref().is_some_and(|user| user.uid == uid)
    }

    /// Whether this account may enter `directory` and everything above it.
    pub(crate) fn can_enter(&self, directory: &Path) -> Result<bool> {
        let status = self
            .command(Path::new("test"))
            .arg("-x")
            .arg(directory)
            .status()?;
        Ok(status.success())
    }
}
