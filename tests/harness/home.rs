//! The directory of one server: its data, its log, its socket.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{Prefix, Server, stand_in};

/// Longest path of a Unix socket, in bytes.
const SOCKET_PATH_MAX: usize = 107;

/// The settings that are not Postgres's own.
const SETTINGS: &str = "engine.conf";

const WITHOUT_CHECKSUMS: &str = "--no-data-checksums";

/// Holds a lock while the process that uses the directory lives.
const OWNER: &str = "owner";

#[derive(Debug)]
pub(crate) struct Home {
    directory: PathBuf,
    socket: PathBuf,
    throw_away: Option<ThrowAway>,
}

/// Removes the directory when it is dropped, and until then marks it as in use.
#[derive(Debug)]
struct ThrowAway {
    _directory: TempDir,
    _owner: File,
}

impl Home {
    /// A new home that is removed with this value.
    pub(crate) fn throw_away(prefix: &Prefix) -> Result<Self> {
        let clusters = clusters(prefix);
        fs::create_dir_all(&clusters)?;
        let fresh = TempDir::with_prefix_in("", clusters)?;
        let directory = fresh.path().to_owned();
        // Locked before it has the name that `sweep` looks for.
        let unnamed = directory.join("owner.fresh");
        let owner = File::create(&unnamed)?;
        owner.lock()?;
        fs::rename(unnamed, directory.join(OWNER))?;
        let mut home = Self::open(prefix, directory)?;
        home.throw_away = Some(ThrowAway {
            _directory: fresh,
            _owner: owner,
        });
        Ok(home)
    }

    /// The lasting home, the same each time.
    pub(crate) fn lasting(prefix: &Prefix) -> Result<Self> {
        let directory = prefix.base().join("server");
        fs::create_dir_all(&directory)?;
        Self::open(prefix, directory)
    }

    fn open(prefix: &Prefix, directory: PathBuf) -> Result<Self> {
        // Every user who can reach the socket is a superuser.
        fs::set_permissions(&directory, Permissions::from_mode(0o700))?;
        prefix.account.own(&directory)?;
        let longest = directory.join(format!(".s.PGSQL.{}.lock", Server::PORT));
        let socket = if longest.as_os_str().len() <= SOCKET_PATH_MAX {
            directory.clone()
        } else {
            let short = stand_in::make(&directory, &prefix.account)?;
            fs::set_permissions(&short, Permissions::from_mode(0o700))?;
            prefix.account.own(&short)?;
            short
        };
        Ok(Self {
            directory,
            socket,
            throw_away: None,
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// The directory of the server's socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn has_data(&self) -> bool {
        // The last file that `create_data` writes.
        self.data().join(SETTINGS).exists()
    }

    /// Creates the data, as a copy of `stock` if there is one, and the settings of a new server.
    pub(crate) fn create_data(
        &self,
        prefix: &Prefix,
        settings: &[(String, String)],
        stock: Option<&Path>,
    ) -> Result<()> {
        let data = self.data();
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        match stock {
            Some(stock) => copy(prefix, stock, &data)?,
            None => init(prefix, &data)?,
        }
        let mut own = File::create(data.join(SETTINGS))?;
        for (name, value) in settings {
            own.write_all(line(name, value).as_bytes())?;
        }
        own.set_permissions(Permissions::from_mode(0o644))?;
        // pg_rewind writes it.
        prefix.account.own(&data.join(SETTINGS))
    }

    /// Adds a setting, for the next start.
    pub(crate) fn set(&self, name: &str, value: &str) -> Result<()> {
        let mut own = OpenOptions::new()
            .append(true)
            .open(self.data().join(SETTINGS))?;
        Ok(own.write_all(line(name, value).as_bytes())?)
    }
}

/// A setting as a file of settings has it.
fn line(name: &str, value: &str) -> String {
    format!("{name} = '{}'\n", value.replace('\'', "''"))
}

/// Has the server's own program make new data.
fn init(prefix: &Prefix, data: &Path) -> Result<()> {
    let program = prefix.program("initdb");
    let mut initdb = prefix.account.command(&program);
    let mut help = prefix.account.command(&program);
    let help = help.arg("--help").output()?.stdout;
    if String::from_utf8_lossy(&help).contains(WITHOUT_CHECKSUMS) {
        // As before 18: pg_upgrade takes no data of another kind.
        initdb.arg(WITHOUT_CHECKSUMS);
    }
    initdb
        .args([
            "--username",
            Server::USER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
        ])
        // The files are synced by the first checkpoint; here only time would be lost.
        .args(["--no-locale", "--no-sync", "--pgdata"])
        .arg(data);
    succeed(&mut initdb)?;
    let mut main = OpenOptions::new()
        .append(true)
        .open(data.join("postgresql.conf"))?;
    writeln!(main, "include '{SETTINGS}'")?;
    Ok(())
}

/// Copies the data of a server that is stopped.
fn copy(prefix: &Prefix, stock: &Path, data: &Path) -> Result<()> {
    let mut cp = prefix.account.command(Path::new("cp"));
    cp.args(["--archive", "--reflink=auto"])
        .arg(stock)
        .arg(data);
    succeed(&mut cp)
}

pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let report = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{} ended with {}:\n{report}{complaint}",
        command.get_program().display(),
        output.status
    );
    Ok(())
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.throw_away.is_some() && self.socket != self.directory {
            // At worst an empty directory stays.
            let _ = fs::remove_dir_all(&self.socket);
        }
    }
}

/// Removes a home that `abandoned` named.
pub(crate) fn remove(home: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(stand_in::path_for(home));
    fs::remove_dir_all(home).with_context(|| format!("cannot remove {}", home.display()))
}

/// Where the throw-away homes are.
fn clusters(prefix: &Prefix) -> PathBuf {
    prefix.base().join("cluster")
}

/// The throw-away homes whose process ended without removing them.
pub(crate) fn abandoned(prefix: &Prefix) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(clusters(prefix)) else {
        return Ok(Vec::new());
    };
    let mut abandoned = Vec::new();
    for entry in entries {
        let home = entry?.path();
        if File::open(home.join(OWNER)).is_ok_and(|owner| owner.try_lock().is_ok()) {
            abandoned.push(home);
        }
    }
    Ok(abandoned)
}
