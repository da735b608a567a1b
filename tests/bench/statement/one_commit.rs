//! The dequeue as one transaction.

use std::time::SystemTime;

use anyhow::{Context, Result};
use tokio_postgres::{Client, Statement};

use super::writer::Writer;
use super::{SHARD, WORKER_QUEUE};
use crate::load::Caller;

/// Everything in one transaction.
pub(crate) struct OneCommit {
    writer: Writer,
    lock_item: Statement,
    lock_run: Statement,
    delete_item: Statement,
}

impl OneCommit {
    pub(crate) async fn new(client: Client, session: usize) -> Result<Self> {
        let writer = Writer::new(client, session).await?;
        let client = &writer.client;
        Ok(Self {
            lock_item: client.prepare(include_str!("../sql/item_lock.sql")).await?,
            lock_run: client
                .prepare(include_str!("../sql/run_lock_read.sql"))
                .await?,
            delete_item: client
                .prepare(include_str!("../sql/item_delete.sql"))
                .await?,
            writer,
        })
    }
}

impl Caller for OneCommit {
    async fn call(&mut self) -> Result<u64> {
        let now = SystemTime::now();
        let snapshot_id = self.writer.snapshot_id()?;
        let writer = &self.writer;
        writer.begin().await?;
        let item = writer
            .client
            .query_opt(&self.lock_item, &[&SHARD, &WORKER_QUEUE, &now])
            .await?;
        let Some(item) = item else {
            writer.commit().await?;
            return Ok(0);
        };
        let run_id: &str = item.get(0);
        let run = writer
            .client
            .query_opt(&self.lock_run, &[&SHARD, &run_id])
            .await?
            .context("another session holds the run")?;
        writer
            .client
            .execute(&self.delete_item, &[&SHARD, &run_id])
            .await?;
        writer
            .update_state(run_id, &run, &run, &snapshot_id, now)
            .await?;
        writer.insert(run_id, &run, &run, &snapshot_id, now).await?;
        writer.commit().await?;
        Ok(1)
    }

    fn client(&self) -> &Client {
        &self.writer.client
    }
}
