//! What a piece of work wrote to the WAL, read from the WAL itself.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use tokio_postgres::Client;
use tokio_postgres::types::PgLsn;

use crate::Cluster;

/// What was written between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalUse {
    /// Transactions that committed with a commit record; one that changed nothing has none.
    pub commits: u64,
    /// Bytes of WAL, of every kind.
    pub bytes: u64,
}

impl Cluster {
    /// Runs `work` and returns with its result what it wrote. The whole server is counted: start it
    /// with `autovacuum = off`, and let no other session write meanwhile.
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
    if start >= end {
        // pg_waldump has no word for an empty range: it would look for the first record and fail.
        return Ok(0);
    }
    let output = Command::new(cluster.program("pg_waldump"))
        .arg("--path")
        .arg(cluster.data().join("pg_wal"))
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

/// Makes the WAL up to `position` readable in the files. Records that no commit followed would stay
/// in memory; the commit of this message comes after them and takes them along.
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
