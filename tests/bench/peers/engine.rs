//! The engine's sessions of the suite `peers`.

use anyhow::Result;
use tokio_postgres::{Client, Statement};

use crate::load::Caller;
use crate::measure;
use crate::stock::Stock;
use crate::trial::Trial;

/// Processes `runs` runs, `batch` at a time.
pub(super) async fn drain(
    stock: &Stock<'_>,
    clients: usize,
    batch: u32,
    runs: u64,
) -> Result<Trial> {
    let mut callers = Vec::new();
    for client in stock.sessions(clients).await? {
        callers.push(Drainer::new(client, i32::try_from(batch)?).await?);
    }
    measure::drain(stock, callers, runs).await
}

/// Dequeues, starts and completes: one statement each.
struct Drainer {
    client: Client,
    dequeue: Statement,
    start: Statement,
    succeed: Statement,
    batch: i32,
}

impl Drainer {
    async fn new(client: Client, batch: i32) -> Result<Self> {
        let dequeue = include_str!("../sql/dequeue_batch.sql");
        let start = include_str!("../sql/start_batch.sql");
        let succeed = include_str!("../sql/succeed_batch.sql");
        Ok(Self {
            dequeue: client.prepare(dequeue).await?,
            start: client.prepare(start).await?,
            succeed: client.prepare(succeed).await?,
            client,
            batch,
        })
    }
}

impl Caller for Drainer {
    async fn call(&mut self) -> Result<u64> {
        let dequeued = self.client.query(&self.dequeue, &[&self.batch]).await?;
        if dequeued.is_empty() {
            return Ok(0);
        }
        let run_ids: Vec<&str> = dequeued.iter().map(|row| row.get("run_id")).collect();
        let snapshot_ids: Vec<&str> = dequeued.iter().map(|row| row.get("snapshot_id")).collect();
        let started = self
            .client
            .query(&self.start, &[&run_ids, &snapshot_ids])
            .await?;
        let run_ids: Vec<&str> = started.iter().map(|row| row.get("run_id")).collect();
        let snapshot_ids: Vec<&str> = started.iter().map(|row| row.get("snapshot_id")).collect();
        self.client
            .query(&self.succeed, &[&run_ids, &snapshot_ids])
            .await?;
        Ok(started.len() as u64)
    }

    fn client(&self) -> &Client {
        &self.client
    }
}
