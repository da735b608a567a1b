//! What calls are about.

use anyhow::{Context, Result};
use engine_client::{Dequeue, Engine, RunId, SnapshotId, Trigger};
use tokio_postgres::Client;

/// What calls about one environment name.
pub(super) struct Subject {
    pub(super) environment: String,
    /// A run that is executed.
    pub(super) held: (RunId, SnapshotId),
}

impl Subject {
    /// Makes the environment of a shard, and a run in it that is executed.
    pub(super) async fn begin(client: &Client, shard: u16) -> Result<Self> {
        let environment = format!("env{shard}");
        let create = "select engine_set_environment($1, shard => $2)";
        let number = i32::from(shard);
        client.query(create, &[&environment, &number]).await?;
        let engine = Engine::new(client);
        let trigger = Trigger::new("held").environment_id(&environment);
        engine.trigger(&trigger).await?;
        let dequeue = Dequeue::default().environment_id(&environment);
        let run = engine.dequeue(&dequeue).await?.pop().context("no run")?;
        let started = engine
            .start_attempt(&run.run_id, &run.snapshot_id, false)
            .await?;
        Ok(Self {
            environment,
            held: (run.run_id, started.execution.snapshot_id),
        })
    }
}
