//! The sizes of the queue's tables, and the number of their dead tuples.

use std::time::Instant;

use anyhow::Result;
use tokio::time::sleep;
use tokio_postgres::Client;

use super::course::window;
use super::figure::Figure;
use super::trial::Series;

const SIZES_SQL: &str = include_str!("sql/sizes.sql");

/// Watches them from `start` to `end`, window by window.
pub(super) async fn watch(observer: Client, start: Instant, end: Instant) -> Result<Vec<Series>> {
    let statement = observer.prepare(SIZES_SQL).await?;
    let pause = window(end - start);
    let (mut dead, mut indexes) = (Vec::new(), Vec::new());
    while Instant::now() < end {
        sleep(pause.min(end.saturating_duration_since(Instant::now()))).await;
        let seconds = start.elapsed().as_secs_f64();
        let rows = observer.query(&statement, &[]).await?;
        let sum: i64 = rows
            .iter()
            .map(|row| row.get::<_, i64>("dead_tuples"))
            .sum();
        dead.push((seconds, sum as f64));
        let queue = rows
            .iter()
            .find(|row| row.get::<_, &str>("name") == "queue_item");
        let bytes: i64 = queue.map_or(0, |row| row.get("index_bytes"));
        indexes.push((seconds, megabytes(bytes)));
    }
    Ok(vec![
        Series::new("dead tuples", dead),
        Series::new("indexes of queue_item, MB", indexes),
    ])
}

/// A table, and the figures of it.
const SIZES: [(&str, Figure, Figure, Figure); 3] = [
    (
        "queue_item",
        Figure::new("queue_item, MB", 1),
        Figure::new("queue_item's indexes, MB", 1),
        Figure::new("queue_item's dead tuples", 0),
    ),
    (
        "run_state",
        Figure::new("run_state, MB", 1),
        Figure::new("run_state's indexes, MB", 1),
        Figure::new("run_state's dead tuples", 0),
    ),
    (
        "heartbeat",
        Figure::new("heartbeat, MB", 1),
        Figure::new("heartbeat's indexes, MB", 1),
        Figure::new("heartbeat's dead tuples", 0),
    ),
];

pub(super) async fn now(observer: &Client) -> Result<Vec<(Figure, f64)>> {
    let mut figures = Vec::new();
    for row in observer.query(SIZES_SQL, &[]).await? {
        let name: &str = row.get("name");
        if let Some((_, table, indexes, dead)) = SIZES.iter().find(|(found, ..)| *found == name) {
            figures.push((*table, megabytes(row.get("table_bytes"))));
            figures.push((*indexes, megabytes(row.get("index_bytes"))));
            figures.push((*dead, row.get::<_, i64>("dead_tuples") as f64));
        }
    }
    Ok(figures)
}

fn megabytes(bytes: i64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
