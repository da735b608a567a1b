//! The pages of a dashboard.

use anyhow::Result;
use tokio_postgres::Client;

/// 10,000 queues with limits, 10,000 runs that are due in 500 of them, 5,000 failures, and a few runs that a worker holds.
pub const CROWD: &str = include_str!("crowd.sql");

/// The address of each page of a dashboard in front of [`CROWD`].
///
/// # Errors
/// If the database is not that one.
pub async fn pages(client: &Client) -> Result<Vec<String>> {
    let sql = "select (select min(i.run_id) from engine.queue_item as i), (select b.bulk_id from engine.bulk as b)";
    let row = client.query_one(sql, &[]).await?;
    let (run, bulk): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let pages = [
        "/",
        "/runs",
        "/runs?status=failed&since=1h",
        &format!("/runs/run_{run}"),
        "/failures",
        "/queues",
        "/queues?queue=queue-7&of=default",
        "/schedules",
        "/workers",
        "/bulk",
        &format!("/bulk/{bulk}"),
        "/events",
    ];
    Ok(pages.map(str::to_owned).to_vec())
}
