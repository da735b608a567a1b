//! What is in the database.

use anyhow::Result;
use engine_harness::Cluster;
use engine_page::CROWD;

use super::super::stock::Stock;

const FAIL: &str = include_str!("../sql/page/fail.sql");

/// A database with `kept` finished runs, and what is newer than they.
pub(super) async fn fill(cluster: &Cluster, kept: u64) -> Result<Stock<'_>> {
    let stock = Stock::empty(cluster).await?;
    stock.add_finished(kept).await?;
    let session = stock.observer().await?;
    session.batch_execute(FAIL).await?;
    session.batch_execute(CROWD).await?;
    stock.tidy().await?;
    Ok(stock)
}
