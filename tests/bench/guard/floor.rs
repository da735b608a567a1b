//! The floor: plain SQL on tables of its own, which does the writes of a run's life.

use anyhow::{Result, ensure};
use tokio_postgres::{Client, Statement};

use crate::load::Caller;
use crate::stock::id_start;

const WORKER_QUEUE: &str = "main";

/// Lives of `batch` runs at a time: three commits, seven statements besides.
pub(super) struct Floor {
    client: Client,
    batch: usize,
    trigger: Statement,
    dequeue_lock: Statement,
    start: Statement,
    run_lock: Statement,
    complete: Statement,
    minted: u64,
}

impl Floor {
    pub(super) async fn new(client: Client, batch: usize) -> Result<Self> {
        for sql in [
            include_str!("../sql/floor/tables.sql"),
            include_str!("../sql/floor/session.sql"),
        ] {
            client.batch_execute(sql).await?;
        }
        let prepare = async |sql| client.prepare(sql).await;
        Ok(Self {
            trigger: prepare(include_str!("../sql/floor/trigger.sql")).await?,
            dequeue_lock: prepare(include_str!("../sql/floor/dequeue_lock.sql")).await?,
            start: prepare(include_str!("../sql/floor/start.sql")).await?,
            run_lock: prepare(include_str!("../sql/floor/run_lock.sql")).await?,
            complete: prepare(include_str!("../sql/floor/complete.sql")).await?,
            client,
            batch,
            minted: 0,
        })
    }

    /// As many new ids, in ascending order.
    fn ids(&mut self) -> Result<Vec<String>> {
        let start = id_start()?;
        let ids = (0..self.batch).map(|_| {
            self.minted += 1;
            format!("{start}{:016x}", self.minted)
        });
        Ok(ids.collect())
    }
}

impl Caller for Floor {
    async fn call(&mut self) -> Result<u64> {
        let (runs, first) = (self.ids()?, self.ids()?);
        let (dequeued, started, ended) = (self.ids()?, self.ids()?, self.ids()?);
        let client = &self.client;
        client
            .execute(&self.trigger, &[&runs, &first, &"noop"])
            .await?;
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
        &self.client
    }
}
