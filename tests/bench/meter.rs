//! What a load cost the server, from its own counters, its WAL and `/proc`.

use std::process;
use std::time::Duration;

use anyhow::{Result, ensure};
use engine_harness::{Cluster, commits_between, cpu_time_of};
use tokio_postgres::Client;
use tokio_postgres::types::PgLsn;

use super::figure::{
    CLIENT_CPU, COMMITS, DEAD_TUPLES, Figure, PAGE_IMAGES, ROWS, SERVER_CPU, WAL_BYTES, WAL_FLUSHES,
};

const COUNTERS: &str = include_str!("sql/counters.sql");
const WAL_COUNTERS: &str = include_str!("sql/wal_counters.sql");
/// Since 18 the flushes are counted with the other input and output.
const WAL_COUNTERS_18: &str = include_str!("sql/wal_counters_18.sql");

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    rows: i64,
    dead_tuples: i64,
    transactions: i64,
    wal_flushes: i64,
    page_images: i64,
}

/// A reading at the start of a load.
pub(super) struct Meter<'a> {
    cluster: &'a Cluster,
    observer: &'a Client,
    counters: Counters,
    position: PgLsn,
    server_cpu: Duration,
    /// The process that the load comes from.
    client: u32,
    client_cpu: Duration,
}

/// What was used between two readings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) transactions: i64,
    pub(super) server_cpu: Duration,
    client_cpu: Duration,
    rows: i64,
    /// Of the load and its warm-up, as far as no vacuum came by.
    dead_tuples: i64,
    wal_flushes: i64,
    page_images: i64,
    wal_bytes: u64,
    commits: u64,
}

impl<'a> Meter<'a> {
    /// Reads all counters. `observer` is a session in the load's database; the load's sessions must be at rest and have
    /// [`settle`]d.
    pub(super) async fn start(cluster: &'a Cluster, observer: &'a Client) -> Result<Self> {
        Self::start_with(cluster, observer, process::id()).await
    }

    /// Reads all counters, for a load that comes from the process `client`.
    pub(super) async fn start_with(
        cluster: &'a Cluster,
        observer: &'a Client,
        client: u32,
    ) -> Result<Self> {
        let counters = counters(observer).await?;
        let position = insert_position(observer).await?;
        Ok(Self {
            cluster,
            observer,
            counters,
            position,
            server_cpu: cluster.cpu_time(),
            client,
            client_cpu: cpu_time_of(client),
        })
    }

    /// Reads them again, after `settled`, in which the load's sessions report what they have counted.
    pub(super) async fn stop(self, settled: impl Future<Output = Result<()>>) -> Result<Usage> {
        let server_cpu = self.cluster.cpu_time().saturating_sub(self.server_cpu);
        let client_cpu = cpu_time_of(self.client).saturating_sub(self.client_cpu);
        let end = insert_position(self.observer).await?;
        settled.await?;
        let (before, after) = (self.counters, counters(self.observer).await?);
        flush(self.observer, end).await?;
        Ok(Usage {
            transactions: after.transactions - before.transactions,
            server_cpu,
            client_cpu,
            rows: after.rows - before.rows,
            dead_tuples: after.dead_tuples,
            wal_flushes: after.wal_flushes - before.wal_flushes,
            page_images: after.page_images - before.page_images,
            wal_bytes: u64::from(end) - u64::from(self.position),
            commits: commits_between(self.cluster, self.position, end)?,
        })
    }
}

impl Usage {
    pub(super) fn per_run(&self, runs: u64) -> Vec<(Figure, f64)> {
        let runs = runs.max(1) as f64;
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        [
            (COMMITS, self.commits as f64),
            (WAL_BYTES, self.wal_bytes as f64),
            (WAL_FLUSHES, self.wal_flushes as f64),
            (PAGE_IMAGES, self.page_images as f64),
            (ROWS, self.rows as f64),
            (SERVER_CPU, micros(self.server_cpu)),
            (CLIENT_CPU, micros(self.client_cpu)),
            (DEAD_TUPLES, self.dead_tuples as f64),
        ]
        .map(|(figure, total)| (figure, total / runs))
        .to_vec()
    }
}

/// Lets sessions report what they have counted: otherwise each does so once a second at most.
pub(super) async fn settle(sessions: impl IntoIterator<Item = &Client>) -> Result<()> {
    for session in sessions {
        session
            .execute("select pg_stat_force_next_flush()", &[])
            .await?;
    }
    Ok(())
}

async fn counters(observer: &Client) -> Result<Counters> {
    settle([observer]).await?;
    let row = observer.query_one(COUNTERS, &[]).await?;
    let version: i32 = row.get("version");
    let wal = if version >= 18_00_00 {
        WAL_COUNTERS_18
    } else {
        WAL_COUNTERS
    };
    let wal = observer.query_one(wal, &[]).await?;
    Ok(Counters {
        rows: row.get("rows"),
        dead_tuples: row.get("dead_tuples"),
        transactions: row.get("transactions"),
        wal_flushes: wal.get("flushes"),
        page_images: wal.get("page_images"),
    })
}

async fn insert_position(observer: &Client) -> Result<PgLsn> {
    let sql = "select pg_current_wal_insert_lsn()";
    Ok(observer.query_one(sql, &[]).await?.get(0))
}

/// Makes the WAL up to `position` readable in the files: the commit of this message takes it along.
async fn flush(observer: &Client, position: PgLsn) -> Result<()> {
    let sql = "select pg_logical_emit_message(true, 'flush', '')";
    observer.execute(sql, &[]).await?;
    let sql = "select pg_current_wal_flush_lsn()";
    let flushed: PgLsn = observer.query_one(sql, &[]).await?.get(0);
    ensure!(
        flushed >= position,
        "WAL is flushed to {flushed} only, not to {position}"
    );
    Ok(())
}
