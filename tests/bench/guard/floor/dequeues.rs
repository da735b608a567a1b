//! Dequeues on the floor.

use anyhow::{Result, ensure};
use tokio_postgres::{Client, Statement};

use super::{Floor, WORKER_QUEUE};
use crate::load::Caller;

/// How many runs a commit queues.
const BATCH: usize = 100;

/// Dequeues one run at a time with one statement, so that both sides make one round trip each: what a round trip costs differs
/// from machine to machine.
pub(in super::super) struct FloorDequeues {
    floor: Floor,
    dequeue: Statement,
}

impl FloorDequeues {
    /// With `queued` runs that are due.
    pub(in super::super) async fn new(client: Client, queued: usize) -> Result<Self> {
        let mut floor = Floor::new(client).await?;
        for _ in 0..queued.div_ceil(BATCH) {
            floor.trigger(BATCH).await?;
        }
        let sql = include_str!("../../sql/floor/dequeue.sql");
        Ok(Self {
            dequeue: floor.client.prepare(sql).await?,
            floor,
        })
    }
}

impl Caller for FloorDequeues {
    async fn call(&mut self) -> Result<u64> {
        let id = self.floor.id()?;
        let rows = self
            .floor
            .client
            .query(&self.dequeue, &[&WORKER_QUEUE, &id])
            .await?;
        ensure!(rows.len() == 1, "the floor lost runs");
        Ok(1)
    }

    fn client(&self) -> &Client {
        &self.floor.client
    }
}
