//! Databases with runs, ready before a trial begins.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use engine_harness::{Cluster, Server, progress};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

const FILL_QUEUED: &str = include_str!("sql/fill_queued.sql");
const FILL_DELAYED: &str = include_str!("sql/fill_delayed.sql");
const FILL_FINISHED: &str = include_str!("sql/fill_finished.sql");
const PREWARM: &str = include_str!("sql/prewarm.sql");

/// Runs of one filling statement.
const BATCH: u64 = 100_000;

/// A database of one trial, or one that others are copies of.
pub(super) struct Stock<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl<'a> Stock<'a> {
    /// With `queued` runs that are due.
    pub(super) async fn filled(cluster: &'a Cluster, queued: u64) -> Result<Self> {
        let stock = Self::empty(cluster).await?;
        stock.add_queued(queued).await?;
        stock.tidy().await?;
        Ok(stock)
    }

    pub(super) async fn empty(cluster: &'a Cluster) -> Result<Self> {
        let stock = Self {
            cluster,
            name: cluster.database().await?.name().to_owned(),
        };
        stock.add_prewarm().await?;
        Ok(stock)
    }

    /// A database called `name` for another queue than the engine's.
    pub(super) async fn without_engine(cluster: &'a Cluster, name: &str) -> Result<Self> {
        let stock = Self {
            cluster,
            name: name.to_owned(),
        };
        let session = cluster.connect().await?;
        let sql = format!(r#"create database "{name}""#);
        session.batch_execute(&sql).await?;
        stock.add_prewarm().await?;
        Ok(stock)
    }

    /// A server that was built without its contrib modules lacks the extension: its tables are read as they are needed.
    async fn add_prewarm(&self) -> Result<()> {
        let session = self.observer().await?;
        let available = "select from pg_available_extensions where name = 'pg_prewarm'";
        if session.query_opt(available, &[]).await?.is_some() {
            session.batch_execute("create extension pg_prewarm").await?;
        }
        Ok(())
    }

    pub(super) async fn add_queued(&self, count: u64) -> Result<()> {
        progress::say(format!("filling in {count} queued runs"));
        self.fill(FILL_QUEUED, count, &[&0_i64, &0_i64]).await
    }

    /// Over so many concurrency keys.
    pub(super) async fn add_keyed(&self, count: u64, keys: i64) -> Result<()> {
        progress::say(format!("filling in {count} runs over {keys} keys"));
        self.fill(FILL_QUEUED, count, &[&0_i64, &keys]).await
    }

    /// Over so many environments, which are called `env0`, `env1` and so on, each with that limit.
    pub(super) async fn add_spread(
        &self,
        count: u64,
        environments: i64,
        limit: Option<i32>,
    ) -> Result<()> {
        let set = "select engine_set_environment('env' || n, concurrency_limit => $2) \
                   from generate_series(0, $1::bigint - 1) as n";
        let session = self.observer().await?;
        session.query(set, &[&environments, &limit]).await?;
        progress::say(format!(
            "filling in {count} runs over {environments} environments"
        ));
        self.fill(FILL_QUEUED, count, &[&environments, &0_i64])
            .await
    }

    pub(super) async fn add_delayed(&self, count: u64) -> Result<()> {
        progress::say(format!("filling in {count} delayed runs"));
        self.fill(FILL_DELAYED, count, &[]).await
    }

    pub(super) async fn add_finished(&self, count: u64) -> Result<()> {
        progress::say(format!("filling in {count} finished runs"));
        // A run's row becomes wider while it lives, by what the table leaves free for that. Rows that are filled in as wide as they
        // end must not leave each page with room for one more new run, which real lives do not.
        self.fill_states_to(60).await?;
        self.fill(FILL_FINISHED, count, &[]).await?;
        self.fill_states_to(50).await
    }

    /// How much of a page, in percent, new states of runs fill.
    async fn fill_states_to(&self, percent: u8) -> Result<()> {
        let session = self.observer().await?;
        let sql = format!("alter table engine.run_state set (fillfactor = {percent})");
        Ok(session.batch_execute(&sql).await?)
    }

    /// Writes `count` runs with one of the filling statements; `more` comes after the parameters that all of these have.
    async fn fill(&self, statement: &str, count: u64, more: &[&(dyn ToSql + Sync)]) -> Result<()> {
        let session = self.observer().await?;
        session
            .batch_execute("set synchronous_commit = off")
            .await?;
        let statement = session.prepare(statement).await?;
        let mut first = 1;
        while first <= count {
            let last = count.min(first + BATCH - 1);
            let numbers = (i64::try_from(first)?, i64::try_from(last)?);
            let start = id_start()?;
            let given: [&(dyn ToSql + Sync); 3] = [&numbers.0, &numbers.1, &start];
            session
                .execute(&statement, &[&given[..], more].concat())
                .await?;
            first = last + 1;
        }
        Ok(())
    }

    /// Leaves the tables as on a long-running server: nothing dead in tables and indexes, no hint bits to set, and with
    /// statistics.
    pub(super) async fn tidy(&self) -> Result<()> {
        let session = self.observer().await?;
        let sql = "vacuum (freeze, analyze, index_cleanup on)";
        Ok(session.batch_execute(sql).await?)
    }

    /// A copy of it, read into the server's buffer.
    pub(super) async fn copy(&self) -> Result<Stock<'a>> {
        let copy = Self {
            cluster: self.cluster,
            name: format!("{}_copy", self.name),
        };
        copy.remove().await?;
        let session = self.cluster.connect().await?;
        let (from, to) = (&self.name, &copy.name);
        let sql = format!(r#"create database "{to}" template "{from}" strategy file_copy"#);
        session.batch_execute(&sql).await?;
        copy.prewarm().await?;
        Ok(copy)
    }

    /// Reads it into the server's buffer.
    pub(super) async fn prewarm(&self) -> Result<()> {
        let session = self.observer().await?;
        let present = "select from pg_extension where extname = 'pg_prewarm'";
        if session.query_opt(present, &[]).await?.is_some() {
            session.batch_execute(PREWARM).await?;
        }
        Ok(())
    }

    pub(super) async fn remove(&self) -> Result<()> {
        let session = self.cluster.connect().await?;
        let sql = format!(r#"drop database if exists "{}" with (force)"#, self.name);
        Ok(session.batch_execute(&sql).await?)
    }

    pub(super) fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    /// Where the engine's driver finds it.
    pub(super) fn address(&self) -> Result<engine_client::Database> {
        Ok(self.connection_string().parse()?)
    }

    /// The same for a program.
    pub(super) fn connection_string(&self) -> String {
        self.cluster.server().connection_string(&self.name)
    }

    /// Where drivers of other languages find it.
    pub(super) fn uri(&self) -> String {
        self.cluster.server().uri(&self.name)
    }

    /// A session that the sampler ignores.
    pub(super) async fn observer(&self) -> Result<Client> {
        connect(self.cluster.server(), &self.name, "observer").await
    }

    /// A session of the load, on the way that `server` describes.
    pub(super) async fn session(&self, server: &Server) -> Result<Client> {
        connect(server, &self.name, "load").await
    }

    /// As many sessions of the load, on the server's own socket.
    pub(super) async fn sessions(&self, count: usize) -> Result<Vec<Client>> {
        let mut sessions = Vec::new();
        for _ in 0..count {
            sessions.push(self.session(self.cluster.server()).await?);
        }
        Ok(sessions)
    }
}

async fn connect(server: &Server, database: &str, application: &str) -> Result<Client> {
    let string = server.connection_string(database);
    let string = format!("{string} application_name={application}");
    let (client, connection) = tokio_postgres::connect(&string, NoTls).await?;
    // Ends with the client. Its error, if any, is also what the client's calls return.
    tokio::spawn(connection);
    Ok(client)
}

/// What the engine's ids begin with at this moment: `c` and the milliseconds of the time in base 36.
pub(super) fn id_start() -> Result<String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| anyhow!("the clock stands before 1970"))?;
    let mut rest = now.as_millis();
    let mut digits = Vec::new();
    for _ in 0..8 {
        let digit = u32::try_from(rest % 36)?;
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        rest /= 36;
    }
    Ok(format!("c{}", digits.iter().rev().collect::<String>()))
}
