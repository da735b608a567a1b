//! Lives of runs by the engine's functions: triggered in one call, ended with the turn that starts the next ones.

use anyhow::Result;
use serde_json::json;
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Statement};

use crate::caller::Work;
use crate::load::Caller;

/// Lives of `batch` runs at a time: two commits and two calls.
pub(super) struct Lives {
    client: Client,
    batch: usize,
    trigger: Statement,
    work: Work,
}

impl Lives {
    pub(super) async fn new(client: Client, batch: usize) -> Result<Self> {
        Ok(Self {
            trigger: client
                .prepare(include_str!("../sql/trigger_batch.sql"))
                .await?,
            work: Work::prepare(&client).await?,
            client,
            batch,
        })
    }
}

impl Caller for Lives {
    async fn call(&mut self) -> Result<u64> {
        let runs = Json(vec![json!({"task": "noop"}); self.batch]);
        self.client.query(&self.trigger, &[&runs]).await?;
        let max_runs = i32::try_from(self.batch)?;
        self.work.take(&self.client, max_runs).await
    }

    fn client(&self) -> &Client {
        &self.client
    }
}
