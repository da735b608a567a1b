//! A private server that is removed together with its value.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio_postgres::Client;

use crate::home::{self, Home};
use crate::postmaster::Postmaster;
use crate::{Database, Prefix, Server, SmallDisk, Stock, database};

/// The settings of a server. Durability has Postgres's defaults unless a setting changes them.
#[derive(Clone, Debug)]
pub struct Options {
    settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        let options = Self {
            settings: Vec::new(),
        };
        options
            .set("max_connections", "400")
            // Only its socket, unless a test requires more.
            .set("listen_addresses", "")
            .set("timezone", "UTC")
            .set("log_timezone", "UTC")
            .set("log_line_prefix", "%m [%p] %d ")
    }
}

impl Options {
    /// For tests that kill no server: a crash of the machine may lose commits, and a database takes a third of the time to
    /// create.
    #[must_use]
    pub fn quick() -> Self {
        Self::default()
            .set("fsync", "off")
            .set("full_page_writes", "off")
    }

    /// Adds a line to `postgresql.conf`; of two lines with one name the later one wins.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }
}

/// A running server whose data is removed with this value.
#[derive(Debug)]
pub struct Cluster {
    // None while the server is stopped.
    postmaster: Option<Postmaster>,
    prefix: Prefix,
    server: Server,
    home: Home,
}

impl Cluster {
    /// Starts a server of a test's own, for tests that kill it, change its settings or count its
    /// WAL. It has the extension and takes less than a second.
    ///
    /// # Errors
    /// If this process was not started by `cargo xtask test`, or the server does not start.
    pub async fn start(options: Options) -> Result<Self> {
        Self::begin(Prefix::shared()?, options, Stock::shared().as_deref()).await
    }

    /// Starts a server from `prefix`.
    ///
    /// # Errors
    /// If the server does not start or the extension cannot be created in it.
    pub async fn start_from(prefix: Prefix, options: Options) -> Result<Self> {
        Self::begin(prefix, options, None).await
    }

    /// Starts a server on a copy of `stock`, or on new data.
    pub(crate) async fn begin(
        prefix: Prefix,
        options: Options,
        stock: Option<&Path>,
    ) -> Result<Self> {
        let home = Home::throw_away(&prefix)?;
        home.create_data(&prefix, options.settings(), stock)?;
        let server = Server::at(home.socket());
        let mut cluster = Self {
            postmaster: None,
            prefix,
            server,
            home,
        };
        cluster.restart()?;
        if stock.is_none() {
            database::create_template(&cluster.server).await?;
        }
        Ok(cluster)
    }

    /// Starts the server on the data it has, after stopping it if it runs. Returns when it takes
    /// connections, which after [`kill_9`](Self::kill_9) includes recovery.
    ///
    /// # Errors
    /// If the server does not start; the error carries the end of its log.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.postmaster = Some(Postmaster::start(&self.prefix, &self.home, false)?);
        Ok(())
    }

    /// Restarts the server if it has ended by itself.
    ///
    /// # Errors
    /// Those of [`restart`](Self::restart).
    pub fn restart_if_gone(&mut self) -> Result<()> {
        let has_ended = self.postmaster.as_mut().is_none_or(Postmaster::has_ended);
        if has_ended { self.restart() } else { Ok(()) }
    }

    /// Restarts the server with its WAL on another disk.
    ///
    /// # Errors
    /// If the WAL cannot be moved, or the server does not start.
    pub fn keep_wal_on(&mut self, disk: &SmallDisk) -> Result<()> {
        self.stop()?;
        let (wal, place) = (self.data().join("pg_wal"), disk.place().join("pg_wal"));
        let mut mv = self.prefix.account.command(Path::new("mv"));
        home::succeed(mv.arg(&wal).arg(&place))?;
        symlink(&place, &wal)?;
        self.restart()
    }

    /// Restarts the server as a standby without a primary: it accepts sessions that read what was committed before, and
    /// writes nothing.
    ///
    /// # Errors
    /// If the server does not start.
    pub fn become_standby(&mut self) -> Result<()> {
        self.stop()?;
        let signal = self.home.data().join("standby.signal");
        fs::write(&signal, "").with_context(|| format!("cannot write {}", signal.display()))?;
        self.prefix.account.own(&signal)?;
        self.restart()
    }

    /// A standby that follows this server, and tells it of its oldest transaction every second. Restarts this server, whose data
    /// it copies.
    ///
    /// # Errors
    /// If one of the two does not start.
    pub fn standby(&mut self, options: Options) -> Result<Self> {
        self.stop()?;
        let primary = self.server.connection_string("postgres");
        let options = options
            .set("primary_conninfo", &primary)
            .set("hot_standby_feedback", "on")
            .set("wal_receiver_status_interval", "1s");
        let home = Home::throw_away(&self.prefix)?;
        home.create_data(&self.prefix, options.settings(), Some(&self.data()))?;
        self.restart()?;
        let server = Server::at(home.socket());
        let mut standby = Self {
            postmaster: None,
            prefix: self.prefix.clone(),
            server,
            home,
        };
        standby.become_standby()?;
        Ok(standby)
    }

    /// Ends the recovery of this standby: it becomes a primary.
    ///
    /// # Errors
    /// If it is no standby, or does not become one within a minute.
    pub async fn promote(&self) -> Result<()> {
        let client = self.connect().await?;
        let row = client.query_one("select pg_promote()", &[]).await?;
        ensure!(row.get::<_, bool>(0), "the standby was not promoted");
        Ok(())
    }

    /// Makes this server, which has died, a standby of `primary`, which was its standby: what it alone has is taken back.
    ///
    /// # Errors
    /// If `pg_rewind` fails, or the server does not start.
    pub async fn follow(&mut self, primary: &Self) -> Result<()> {
        // Before that it does not say that it has gone its own way, and nothing would be rewound.
        primary.connect().await?.batch_execute("checkpoint").await?;
        let source = primary.server.connection_string("postgres");
        let mut rewind = self.prefix.account.command(&self.program("pg_rewind"));
        rewind.arg("--target-pgdata").arg(self.data());
        rewind.args(["--source-server", &source]);
        home::succeed(&mut rewind)?;
        self.home.set("primary_conninfo", &source)?;
        self.become_standby()
    }

    /// A server of `prefix` with the data of this one, which `pg_upgrade` moves there.
    ///
    /// # Errors
    /// If this server does not stop, `pg_upgrade` fails, or the new one does not start. The error has what `pg_upgrade` has logged
    /// as an error.
    pub fn upgrade(mut self, prefix: Prefix, options: Options) -> Result<Self> {
        self.stop()?;
        let home = Home::throw_away(&prefix)?;
        home.create_data(&prefix, options.settings(), None)?;
        let mut upgrade = prefix.account.command(&prefix.program("pg_upgrade"));
        upgrade.current_dir(home.directory());
        upgrade.args(["--username", Server::USER]);
        for (option, place) in [
            ("--old-bindir", self.program("")),
            ("--new-bindir", prefix.program("")),
            ("--old-datadir", self.data()),
            ("--new-datadir", home.data()),
            ("--socketdir", home.socket().to_owned()),
        ] {
            upgrade.arg(option).arg(place);
        }
        home::succeed(&mut upgrade).with_context(|| logged_errors(&home.data()))?;
        let mut upgraded = Self {
            postmaster: None,
            server: Server::at(home.socket()),
            prefix,
            home,
        };
        upgraded.restart()?;
        Ok(upgraded)
    }

    /// Ends all sessions and stops the server cleanly; its data stays.
    ///
    /// # Errors
    /// If it had to be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.postmaster
            .take()
            .map_or(Ok(()), |mut postmaster| postmaster.stop())
    }

    /// Kills every process of the server with SIGKILL, and returns when all are gone.
    ///
    /// # Errors
    /// If a process survives.
    pub fn kill_9(&mut self) -> Result<()> {
        self.postmaster
            .take()
            .map_or(Ok(()), |mut postmaster| postmaster.kill_9())
    }

    /// Kills these backends with SIGKILL; the server then ends all others and recovers by itself.
    ///
    /// # Errors
    /// If one of them is no backend of this server.
    pub fn kill_9_backends(&self, pids: &[i32]) -> Result<()> {
        match &self.postmaster {
            Some(postmaster) => postmaster.kill_9_backends(pids),
            None => bail!("the server does not run"),
        }
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A new database with the extension.
    ///
    /// # Errors
    /// If the server does not run.
    pub async fn database(&self) -> Result<Database> {
        Database::create(self.server.clone()).await
    }

    /// Connects to the database `postgres`, which has no extension.
    ///
    /// # Errors
    /// If the server does not run.
    pub async fn connect(&self) -> Result<Client> {
        self.server.connect("postgres").await
    }

    /// One of the server's programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.prefix.program(name)
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.data()
    }

    /// CPU time that all processes of the server have used since its start.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        self.postmaster
            .as_ref()
            .map_or(Duration::ZERO, Postmaster::cpu_time)
    }

    /// The server's log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// Stops and removes the servers of processes that ended without doing so.
    ///
    /// # Errors
    /// If their directories cannot be read or removed.
    pub fn sweep(prefix: &Prefix) -> Result<()> {
        for home in home::abandoned(prefix)? {
            if let Some(mut postmaster) = Postmaster::running(&home.join("data")) {
                postmaster.kill_9()?;
            }
            home::remove(&home)?;
        }
        Ok(())
    }
}

/// Lines with errors in the logs that `pg_upgrade` keeps when it fails.
fn logged_errors(data: &Path) -> String {
    let below = |directory: PathBuf| fs::read_dir(directory).into_iter().flatten().flatten();
    let mut errors = String::new();
    for upgrade in below(data.join("pg_upgrade_output.d")) {
        for log in below(upgrade.path().join("log")) {
            let text = fs::read_to_string(log.path()).unwrap_or_default();
            for line in text.lines().filter(|line| line.contains("error:")) {
                errors.push_str(line);
                errors.push('\n');
            }
        }
    }
    errors
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut postmaster) = self.postmaster.take()
            && let Err(error) = postmaster.stop_at_once()
        {
            eprintln!("{error:#}");
        }
    }
}
