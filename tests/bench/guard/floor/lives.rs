//! Lives of runs on the floor.

use anyhow::{Result, ensure};
use tokio_postgres::{Client, Statement};

use super::{Floor, WORKER_QUEUE};
use crate::load::Caller;

/// Lives of `batch` runs at a time: three commits, seven statements besides.
pub(in super::super) struct FloorLives {
    floor: Floor,
    batch: usize,
    dequeue_lock: Statement,
    start: Statement,
    run_lock: Statement,
    complete: Statement,
}

impl FloorLives {
    pub(in super::super) async fn new(client: Client, batch: usize) -> Result<Self> {
        let floor = Floor::new(client).await?;
        let prepare = async |sql| floor.client.prepare(sql).await;
        Ok(Self {
            dequeue_lock: prepare(include_str!("../../sql/floor/dequeue_lock.sql")).await?,
            start: prepare(include_str!("../../sql/floor/start.sql")).await?,
            run_lock: prepare(include_str!("../../sql/floor/run_lock.sql")).await?,
            complete: prepare(include_str!("../../sql/floor/complete.sql")).await?,
            floor,
            batch,
        })
    }
}

impl Caller for FloorLives {
    async fn call(&mut self) -> Result<u64> {
        self.floor.trigger(self.batch).await?;
        let dequeued = self.floor.ids(self.batch)?;
        let started = self.floor.ids(self.batch)?;
        let ended = self.floor.ids(self.batch)?;
        let client = &self.floor.client;
        client.batch_execute("begin").await?;
        let most = i64::try_from(self.batch)?;
        let rows = client
            .query(&self.dequeue_lock, &[&WORKER_QUEUE, &most])
            .await?;
        let runs: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        let latest: Vec<&str> = rows.iter().map(|row| row.get(1)).collect();
        ensure!(runs.len() == self.batch, "the floor lost runs");
        client
            .execute(&self.start, &[&runs, &latest, &dequeued, &started])
            .await?;
        client.batch_execute("commit").await?;
        client.batch_execute("begin").await?;
        client.query(&self.run_lock, &[&runs]).await?;
        client
            .query(&self.complete, &[&runs, &started, &ended])
            .await?;
        client.batch_execute("commit").await?;
        Ok(runs.len() as u64)
    }

    fn client(&self) -> &Client {
        &self.floor.client
    }
}
