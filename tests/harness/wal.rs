//! Measures what a piece of work writes to the WAL, from the WAL itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tokio_postgres::Client;
use tokio_postgres::types::PgLsn;

use crate::Cluster;

/// The WAL written between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalUse {
    /// Transactions that committed with a commit record; one that changed nothing has none.
    pub commits: u64,
    /// Bytes of WAL, of every kind.
    pub bytes: u64,
}

impl Cluster {
    /// Runs `work` and returns its result with what it wrote. The whole server is counted: start it with `autovacuum =
    /// off`, and let no other session write meanwhile.
    ///
    /// # Errors
    /// If the server or `pg_waldump` fails.
    pub async fn count_commits<T>(&self, work: impl Future<Output = T>) -> Result<(T, WalUse)> {
        let observer = self.connect().await?;
        let start = insert_position(&observer).await?;
        let result = work.await;
        let end = insert_position(&observer).await?;
        flush(&observer, end).await?;
        let commits = commits_between(self, start, end)?;
        let bytes = u64::from(end) - u64::from(start);
        Ok((result, WalUse { commits, bytes }))
    }
}

/// The number of transactions whose commit record begins at `start` or later and ends at `end` or
/// earlier. Both are positions between two records, and `end` is flushed.
///
/// # Errors
/// If `pg_waldump` fails.
pub fn commits_between(cluster: &Cluster, start: PgLsn, end: PgLsn) -> Result<u64> {
    Wal::of(cluster.program("pg_waldump"), &cluster.data()).commits_between(start, end)
}

/// The WAL of a server on this machine.
#[derive(Clone, Debug)]
pub struct Wal {
    pg_waldump: PathBuf,
    directory: PathBuf,
}

impl Wal {
    /// The WAL of the server whose data directory is `data`, as its program `pg_waldump` reads it.
    #[must_use]
    pub fn of(pg_waldump: PathBuf, data: &Path) -> Self {
        Self {
            pg_waldump,
            directory: data.join("pg_wal"),
        }
    }

    /// The start of the next record.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn position(observer: &Client) -> Result<PgLsn> {
        insert_position(observer).await
    }

    /// The start of the next record, once everything before it can be read.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn readable_position(observer: &Client) -> Result<PgLsn> {
        let position = insert_position(observer).await?;
        flush(observer, position).await?;
        Ok(position)
    }

    /// The number of commit records between two positions, of which `end` is a readable one.
    ///
    /// # Errors
    /// If `pg_waldump` fails, for instance because the server has removed that WAL.
    pub fn commits_between(&self, start: PgLsn, end: PgLsn) -> Result<u64> {
        if start >= end {
            // pg_waldump has no word for an empty range: it would look for the first record and fail.
            return Ok(0);
        }
        let output = Command::new(&self.pg_waldump)
            .arg("--path")
            .arg(&self.directory)
            .args(["--start", &start.to_string(), "--end", &end.to_string()])
            .args(["--rmgr", "Transaction"])
            .output()
            .context("cannot start pg_waldump")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "pg_waldump from {start} to {end}: {complaint}"
        );
        let records = String::from_utf8(output.stdout)?;
        Ok(records.lines().filter(|record| is_commit(record)).count() as u64)
    }
}

fn is_commit(record: &str) -> bool {
    record.split_once(" desc: ").is_some_and(|(_, what)| {
        what.starts_with("COMMIT ") || what.starts_with("COMMIT_PREPARED ")
    })
}

async fn insert_position(observer: &Client) -> Result<PgLsn> {
    Ok(observer
        .query_one("select pg_current_wal_insert_lsn()", &[])
        .await?
        .get(0))
}

/// Makes the WAL up to `position` readable in the files. Records without a later commit would stay in memory; the
/// commit of this message comes after them and flushes them, too.
async fn flush(observer: &Client, position: PgLsn) -> Result<()> {
    observer
        .execute("select pg_logical_emit_message(true, 'flush', '')", &[])
        .await?;
    let row = observer
        .query_one("select pg_current_wal_flush_lsn()", &[])
        .await?;
    let flushed: PgLsn = row.get(0);
    ensure!(
        flushed >= position,
        "WAL is flushed to {flushed} only, not to {position}"
    );
    Ok(())
}
