//! The server of the demo: removed at its end, or left running.

use anyhow::{Context, Result};
use engine_harness::{Cluster, Options, Prefix, Resident, Server, Wal};
use tokio_postgres::Client;

use super::batch;

/// The name of the database.
const DATABASE: &str = "demo";

/// A running server with a database for the runs. It is stopped when this is dropped.
pub struct Host {
    kind: Kind,
    server: Server,
    pub wal: Wal,
}

enum Kind {
    ThrowAway { _cluster: Cluster },
    Lasting { resident: Resident, is_kept: bool },
}

impl Host {
    /// Starts a server on empty data. A lasting one replaces that of an earlier demo.
    pub async fn start(prefix: Prefix, is_lasting: bool) -> Result<Self> {
        let options = Options::default();
        let pg_waldump = prefix.program("pg_waldump");
        let (kind, server, data) = if is_lasting {
            let mut resident = Resident::open(prefix)?;
            resident.remove()?;
            resident.start(&options)?;
            let server = resident.server();
            let data = resident.data();
            let is_kept = false;
            (Kind::Lasting { resident, is_kept }, server, data)
        } else {
            let cluster = Cluster::start_from(prefix, options).await?;
            let server = cluster.server().clone();
            let data = cluster.data();
            (Kind::ThrowAway { _cluster: cluster }, server, data)
        };
        let host = Self {
            kind,
            server,
            wal: Wal::of(pg_waldump, &data),
        };
        host.create_database().await?;
        Ok(host)
    }

    async fn create_database(&self) -> Result<()> {
        let maintenance = self.server.connect("postgres").await?;
        maintenance
            .batch_execute(&format!("create database {DATABASE}"))
            .await?;
        batch::set_heartbeats(&maintenance, DATABASE).await?;
        let client = self.connect().await?;
        client
            .batch_execute("create extension engine")
            .await
            .context("CREATE EXTENSION engine failed")
    }

    pub fn connection_string(&self) -> String {
        self.server.connection_string(DATABASE)
    }

    pub async fn connect(&self) -> Result<Client> {
        self.server.connect(DATABASE).await
    }

    /// Leaves a lasting server running.
    pub fn keep(mut self) {
        if let Kind::Lasting { is_kept, .. } = &mut self.kind {
            *is_kept = true;
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Kind::Lasting {
            resident,
            is_kept: false,
        } = &mut self.kind
            && let Err(error) = resident.stop()
        {
            eprintln!("{error:#}");
        }
    }
}

/// Stops the server that an earlier demo left running, and removes its data.
pub fn remove_kept(prefix: Prefix) -> Result<bool> {
    let mut resident = Resident::open(prefix)?;
    let was_running = resident.is_running();
    resident.remove()?;
    Ok(was_running)
}
