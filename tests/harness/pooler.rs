//! pgbouncer between clients and a server, in transaction mode.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::account::Account;
use crate::process::{session_cpu_time, wait_until};
use crate::{Database, Server, package};

const PACKAGE: &str = "pgbouncer";
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A running pooler, which ends with this value.
#[derive(Debug)]
pub struct Pooler {
    process: Child,
    home: TempDir,
    server: Server,
}

impl Pooler {
    /// Starts a pooler that has up to `sessions` sessions with the server `behind`, for each of its databases. Where pgbouncer is
    /// missing it is installed.
    ///
    /// # Errors
    /// If it cannot be installed or does not start; the error carries its log.
    pub fn start(behind: &Server, sessions: u32) -> Result<Self> {
        let (host, port, user) = (behind.socket().display(), Server::PORT, Server::USER);
        let databases = format!("[databases]\n* = host={host} port={port} user={user}\n");
        Self::routing(&databases, sessions)
    }

    /// Starts a pooler whose settings begin with `databases`, the section that says where its databases are.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn routing(databases: &str, sessions: u32) -> Result<Self> {
        let program = find_or_install()?;
        let account = Account::for_server()?;
        let home = TempDir::new()?;
        let (settings, map) = (home.path().join("pgbouncer.ini"), map_in(home.path()));
        fs::write(&map, databases)?;
        fs::write(&settings, settings_of(home.path(), sessions))?;
        account.own(&settings)?;
        account.own(&map)?;
        account.own(home.path())?;
        let log = File::create(home.path().join("log"))?;
        let mut command = account.command(&program);
        command.arg(&settings).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().context("cannot start pgbouncer")?;
        let server = Server::at(home.path());
        let mut pooler = Self {
            process,
            home,
            server,
        };
        pooler.wait_until_ready()?;
        Ok(pooler)
    }

    /// `database` as it is reached through this pooler.
    #[must_use]
    pub fn database(&self, database: &Database) -> Database {
        database.reached_by(self.server.clone())
    }

    /// The connection string of a superuser for a database of this pooler.
    #[must_use]
    pub fn connection_string(&self, database: &str) -> String {
        self.server.connection_string(database)
    }

    /// The file with the section that says where its databases are. The pooler reads it again when its console is told to.
    #[must_use]
    pub fn map(&self) -> PathBuf {
        map_in(self.home.path())
    }

    /// CPU time that it has used.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        let process = i32::try_from(self.process.id()).ok();
        process.and_then(session_cpu_time).unwrap_or_default()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let socket = self.server.socket_file();
        wait_until(START_PATIENCE, || {
            UnixStream::connect(&socket).is_ok() || matches!(self.process.try_wait(), Ok(Some(_)))
        });
        if UnixStream::connect(&socket).is_err() {
            let log = fs::read_to_string(self.home.path().join("log"))?;
            bail!("pgbouncer did not start; its log:\n{log}");
        }
        Ok(())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // One that has ended by itself is gone, too.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The file with the section that says where its databases are.
fn map_in(home: &Path) -> PathBuf {
    home.join("databases.ini")
}

/// Every client is let in, and is the server's superuser there, as without the pooler.
fn settings_of(home: &Path, sessions: u32) -> String {
    let (map, home, port) = (map_in(home), home.display(), Server::PORT);
    format!(
        "%include {}\n\
         [pgbouncer]\n\
         pool_mode = transaction\n\
         default_pool_size = {sessions}\n\
         max_client_conn = 100\n\
         auth_type = any\n\
         admin_users = {}\n\
         listen_port = {port}\n\
         unix_socket_dir = {home}\n",
        map.display(),
        Server::USER
    )
}

/// Debian puts the program where only root's path leads. Tests that begin together install it once.
fn find_or_install() -> Result<PathBuf> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock();
    let find = || {
        let places = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
        let programs = places.map(|place| Path::new(place).join(PACKAGE));
        programs.into_iter().find(|program| program.exists())
    };
    if let Some(program) = find() {
        return Ok(program);
    }
    package::update()?;
    package::install(&[PACKAGE])?;
    find().context("the package has no pgbouncer where it is looked for")
}
