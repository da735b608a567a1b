//! Lives of runs by the engine's functions: triggered in one call, ended with the turn that starts the next ones.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Statement};

use crate::load::Caller;

/// Lives of `batch` runs at a time: two commits and two calls.
pub(super) struct Lives {
    client: Client,
    batch: usize,
    trigger: Statement,
    work: Statement,
    /// The ends of the runs that execute.
    ends: Vec<Value>,
}

impl Lives {
    pub(super) async fn new(client: Client, batch: usize) -> Result<Self> {
        Ok(Self {
            trigger: client
                .prepare(include_str!("../sql/trigger_batch.sql"))
                .await?,
            work: client.prepare(include_str!("../sql/work.sql")).await?,
            client,
            batch,
            ends: Vec::new(),
        })
    }
}

impl Caller for Lives {
    async fn call(&mut self) -> Result<u64> {
        let runs = Json(vec![json!({"task": "noop"}); self.batch]);
        self.client.query(&self.trigger, &[&runs]).await?;
        let most = i32::try_from(self.batch)?;
        let ends = Json(std::mem::take(&mut self.ends));
        for row in self.client.query(&self.work, &[&ends, &most]).await? {
            ensure!(
                row.get::<_, Option<&str>>("error_code").is_none(),
                "a run did not end"
            );
            if row.get::<_, &str>("kind") == "started" {
                let (run_id, snapshot_id): (&str, &str) =
                    (row.get("run_id"), row.get("snapshot_id"));
                self.ends
                    .push(json!({"run_id": run_id, "snapshot_id": snapshot_id, "ok": true}));
            }
        }
        Ok(self.ends.len() as u64)
    }

    fn client(&self) -> &Client {
        &self.client
    }
}
