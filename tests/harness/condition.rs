//! Waits for conditions, instead of sleeping.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time::sleep;
use tokio_postgres::Client;

/// Returns as soon as `holds` returns true; it is called every few milliseconds.
///
/// # Errors
/// If `holds` fails, or has not answered true within `patience`; the error says `what`.
pub async fn eventually(
    what: &str,
    patience: Duration,
    mut holds: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !holds().await? {
        if Instant::now() >= deadline {
            bail!("after {patience:?} still not: {what}");
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// The process id of the session's backend.
///
/// # Errors
/// If the session is gone.
pub async fn backend_pid(session: &Client) -> Result<i32> {
    Ok(session
        .query_one("select pg_backend_pid()", &[])
        .await?
        .get(0))
}

/// Returns as soon as the backend `pid` waits for a lock; `observer` is another session, outside
/// any transaction.
///
/// # Errors
/// If it does not wait for one within ten seconds.
pub async fn waits_for_lock(observer: &Client, pid: i32) -> Result<()> {
    let what = format!("backend {pid} waits for a lock");
    eventually(&what, Duration::from_secs(10), async || {
        let sql = "select exists (select from pg_stat_activity a \
                   where a.pid = $1 and a.wait_event_type = 'Lock')";
        Ok(observer.query_one(sql, &[&pid]).await?.get(0))
    })
    .await
}
