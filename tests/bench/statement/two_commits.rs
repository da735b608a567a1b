//! The dequeue as several commits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Result, ensure};
use tokio_postgres::{Client, Statement};

use super::writer::Writer;
use super::{SHARD, WORKER_QUEUE};
use crate::load::Caller;
use crate::meter::settle;

/// Ids of runs that were removed from the queue beforehand, the next one last.
pub(crate) type Dequeued = Arc<Mutex<Vec<String>>>;

/// Removes every run from the queue, in one commit, and leaves no dead rows there.
pub(crate) async fn dequeue_all(client: &Client) -> Result<Dequeued> {
    let sql = include_str!("../sql/item_delete_all.sql");
    let rows = client.query(sql, &[&SHARD]).await?;
    // A report after the vacuum would count rows that are gone.
    settle([client]).await?;
    client
        .batch_execute("vacuum (index_cleanup on) engine.queue_item")
        .await?;
    let ids = rows.iter().rev().map(|row| row.get(0)).collect();
    Ok(Arc::new(Mutex::new(ids)))
}

/// Update of the run in one commit, insert of its snapshot in another; before them the removal from the queue, unless
/// that was done beforehand.
pub(crate) struct TwoCommits {
    writer: Writer,
    take: Statement,
    read_snapshot: Statement,
    read_run: Statement,
    dequeued: Option<Dequeued>,
}

impl TwoCommits {
    pub(crate) async fn new(
        client: Client,
        session: usize,
        dequeued: Option<Dequeued>,
    ) -> Result<Self> {
        let writer = Writer::new(client, session).await?;
        let client = &writer.client;
        Ok(Self {
            take: client.prepare(include_str!("../sql/item_take.sql")).await?,
            read_snapshot: client
                .prepare(include_str!("../sql/snapshot_read.sql"))
                .await?,
            read_run: client.prepare(include_str!("../sql/run_read.sql")).await?,
            writer,
            dequeued,
        })
    }

    async fn next_run(&self, now: SystemTime) -> Result<Option<String>> {
        if let Some(dequeued) = &self.dequeued {
            return Ok(dequeued
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop());
        }
        let client = &self.writer.client;
        let row = client
            .query_opt(&self.take, &[&SHARD, &WORKER_QUEUE, &now])
            .await?;
        Ok(row.map(|row| row.get(0)))
    }
}

impl Caller for TwoCommits {
    async fn call(&mut self) -> Result<u64> {
        let now = SystemTime::now();
        let Some(run_id) = self.next_run(now).await? else {
            return Ok(0);
        };
        let snapshot_id = self.writer.snapshot_id()?;
        let writer = &self.writer;
        let read = &self.read_snapshot;
        let latest = writer.client.query_one(read, &[&SHARD, &run_id]).await?;
        let run = writer
            .client
            .query_one(&self.read_run, &[&SHARD, &run_id])
            .await?;
        writer.begin().await?;
        writer
            .update_state(&run_id, &latest, &run, &snapshot_id, now)
            .await?;
        writer.commit().await?;
        writer.begin().await?;
        writer
            .insert(&run_id, &latest, &run, &snapshot_id, now)
            .await?;
        writer.commit().await?;
        let read_back = writer.client.query_one(read, &[&SHARD, &run_id]).await?;
        ensure!(
            read_back.get::<_, &str>("id") == snapshot_id,
            "not read back"
        );
        Ok(1)
    }

    fn client(&self) -> &Client {
        &self.writer.client
    }
}
