//! The blocks that sessions read: they report them when they end.

use std::time::Duration;

use anyhow::Result;
use engine_harness::condition::eventually;
use tokio_postgres::Client;

use super::super::stock::Stock;

const PATIENCE: Duration = Duration::from_secs(30);

/// A reading between sessions.
pub(super) struct Blocks {
    observer: Client,
    before: i64,
}

impl Blocks {
    pub(super) async fn start(stock: &Stock<'_>) -> Result<Self> {
        let observer = stock.observer().await?;
        let before = read(&observer).await?;
        Ok(Self { observer, before })
    }

    /// What all sessions have read since, once they have ended.
    pub(super) async fn stop(self) -> Result<f64> {
        let sql = "select count(*) from pg_stat_activity as a \
                   where a.datname = current_database() and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'";
        eventually("the sessions have ended", PATIENCE, async || {
            let left: i64 = self.observer.query_one(sql, &[]).await?.get(0);
            Ok(left == 0)
        })
        .await?;
        Ok((read(&self.observer).await? - self.before) as f64)
    }
}

async fn read(observer: &Client) -> Result<i64> {
    let sql = "select d.blks_hit + d.blks_read from pg_stat_database as d where d.datname = current_database()";
    Ok(observer.query_one(sql, &[]).await?.get(0))
}
