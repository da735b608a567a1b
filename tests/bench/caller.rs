//! Sessions that call the engine's functions.

use std::mem;

use anyhow::{Result, ensure};
use engine_client::{Completion, Dequeue, Dequeued, Engine, RunId, SnapshotId, Trigger};
use serde_json::{Value, json};
use tokio_postgres::types::Json;
use tokio_postgres::{Client, Statement};

use super::load::Caller;

/// Dequeues `max_runs` runs at a time.
pub(super) struct Dequeuer {
    client: Client,
    statement: Statement,
    max_runs: i32,
}

impl Dequeuer {
    pub(super) async fn new(client: Client, max_runs: i32) -> Result<Self> {
        let sql = "select * from engine_dequeue(max_runs => $1)";
        let statement = client.prepare(sql).await?;
        Ok(Self {
            client,
            statement,
            max_runs,
        })
    }
}

impl Caller for Dequeuer {
    async fn call(&mut self) -> Result<u64> {
        let rows = self
            .client
            .query(&self.statement, &[&self.max_runs])
            .await?;
        Ok(rows.len() as u64)
    }

    fn client(&self) -> &Client {
        &self.client
    }
}

/// Moves runs from trigger to completion, `batch` at a time: triggers some, and takes a worker's turn, which ends those of the
/// turn before and starts others.
pub(super) struct Turns {
    client: Client,
    batch: i32,
    ends: Vec<(RunId, SnapshotId, Completion)>,
}

impl Turns {
    pub(super) fn new(client: Client, batch: i32) -> Self {
        Self {
            client,
            batch,
            ends: Vec::new(),
        }
    }
}

impl Caller for Turns {
    async fn call(&mut self) -> Result<u64> {
        let engine = Engine::new(&self.client);
        let trigger = Trigger::new("noop");
        if self.batch == 1 {
            engine.trigger(&trigger).await?;
        } else {
            let triggers: Vec<Trigger> = (0..self.batch).map(|_| trigger.clone()).collect();
            engine.trigger_many(&triggers).await?;
        }
        let ends = mem::take(&mut self.ends);
        let dequeue = Dequeue::default().max_runs(self.batch);
        let turn = engine.work(&ends, &dequeue, None).await?;
        for completed in turn.completed {
            completed?;
        }
        for run in turn.started {
            let completion = Completion::success(&())?;
            self.ends.push((run.run_id, run.snapshot_id, completion));
        }
        Ok(self.ends.len() as u64)
    }

    fn client(&self) -> &Client {
        &self.client
    }
}

/// Starts the attempts of dequeued runs and completes them; returns how many.
pub(super) async fn start_and_complete(
    engine: &Engine<'_, Client>,
    dequeued: Vec<Dequeued>,
) -> Result<u64> {
    let runs: Vec<_> = dequeued
        .into_iter()
        .map(|run| (run.run_id, run.snapshot_id))
        .collect();
    let mut ends = Vec::with_capacity(runs.len());
    for started in engine.start_many(&runs, false).await? {
        let execution = started?.execution;
        let completion = Completion::success(&())?;
        ends.push((execution.run_id, execution.snapshot_id, completion));
    }
    for completed in engine.complete_many(&ends).await? {
        completed?;
    }
    Ok(ends.len() as u64)
}

/// A worker's turns in plain SQL: each ends the runs of the one before, and starts others.
pub(super) struct Work {
    statement: Statement,
    ends: Vec<Value>,
}

impl Work {
    pub(super) async fn prepare(client: &Client) -> Result<Self> {
        Ok(Self {
            statement: client.prepare(include_str!("sql/work.sql")).await?,
            ends: Vec::new(),
        })
    }

    /// Takes a turn; returns how many runs have started.
    pub(super) async fn take(&mut self, client: &Client, max_runs: i32) -> Result<u64> {
        let ends = Json(mem::take(&mut self.ends));
        for row in client.query(&self.statement, &[&ends, &max_runs]).await? {
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
}
