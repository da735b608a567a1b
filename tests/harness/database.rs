//! A database of a test's own.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result};
use tokio_postgres::Client;

use crate::Server;

const TEMPLATE: &str = "engine_template";

/// Longest name of a database, in bytes.
const NAME_MAX: usize = 63;

/// A new database with the extension. A test leaves it behind: when the test is over, its invariants are checked and it is
/// dropped.
#[derive(Clone, Debug)]
pub struct Database {
    server: Server,
    name: String,
}

impl Database {
    /// A new database on the server that all tests share.
    ///
    /// # Errors
    /// If this process was not started by `cargo xtask test`.
    pub async fn fresh() -> Result<Self> {
        Self::create(Server::shared()?).await
    }

    pub(crate) async fn create(server: Server) -> Result<Self> {
        let name = unique_name();
        let client = server.connect("postgres").await?;
        let strategy = strategy(&client).await?;
        client
            .batch_execute(&format!(
                r#"create database "{name}" template {TEMPLATE} {strategy}"#
            ))
            .await
            .with_context(|| format!("cannot create database \"{name}\""))?;
        Ok(Self { server, name })
    }

    pub(crate) fn reached_by(&self, server: Server) -> Self {
        Self {
            server,
            name: self.name.clone(),
        }
    }

    /// Its name, which names its test.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The connection string of its superuser.
    #[must_use]
    pub fn connection_string(&self) -> String {
        self.server.connection_string(&self.name)
    }

    /// A new session, as superuser.
    ///
    /// # Errors
    /// If the server does not run.
    pub async fn connect(&self) -> Result<Client> {
        self.server.connect(&self.name).await
    }

    /// A new session with another database of its server.
    ///
    /// # Errors
    /// If there is no such database.
    pub async fn connect_to(&self, name: &str) -> Result<Client> {
        self.server.connect(name).await
    }

    /// Sets `setting` for all sessions that begin from now on.
    ///
    /// # Errors
    /// If the server refuses the value.
    pub async fn set(&self, setting: &str, value: &str) -> Result<()> {
        let value = value.replace('\'', "''");
        let client = self.server.connect("postgres").await?;
        client
            .batch_execute(&format!(
                r#"alter database "{}" set {setting} = '{value}'"#,
                self.name
            ))
            .await
            .with_context(|| format!("cannot set {setting}"))
    }
}

/// The quickest way to copy a database. Through the WAL it takes 0.23 s of CPU time. File by file, which is the only way
/// before Postgres 15, it takes 0.07 s, and two checkpoints, which take seconds unless fsync is off.
async fn strategy(client: &Client) -> Result<&'static str> {
    let sql = "select current_setting('fsync') = 'off' and current_setting('server_version_num')::int >= 150000";
    let copies_files: bool = client.query_one(sql, &[]).await?.get(0);
    Ok(if copies_files {
        "strategy file_copy"
    } else {
        ""
    })
}

/// Creates the database that the others are copies of. It accepts no connections: a session in it would block every
/// copy.
pub(crate) async fn create_template(server: &Server) -> Result<()> {
    let maintenance = server.connect("postgres").await?;
    let strategy = strategy(&maintenance).await?;
    maintenance
        .batch_execute(&format!("create database {TEMPLATE} {strategy}"))
        .await?;
    let client = server.connect(TEMPLATE).await?;
    client
        .batch_execute("create extension engine")
        .await
        .context("CREATE EXTENSION engine failed")?;
    drop(client);
    maintenance
        .batch_execute(&format!(
            "alter database {TEMPLATE} allow_connections false"
        ))
        .await?;
    Ok(())
}

/// The beginning of the names of all databases that the process `pid` creates.
pub(crate) fn prefix(pid: u32) -> String {
    format!("t{pid}_")
}

/// Unique among all processes that share a server. A test's thread has the test's name.
fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let current = thread::current();
    let test: String = current
        .name()
        .unwrap_or("test")
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '_'
            }
        })
        .collect();
    let mut name = format!("{}{count}_{test}", prefix(process::id()));
    name.truncate(NAME_MAX);
    name
}
