//! Sessions that call the engine's functions.

use anyhow::Result;
use engine_client::{Completion, Dequeue, Dequeued, Engine, Trigger};
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

/// Moves a run from trigger to completion, one call after the other.
pub(super) struct Single {
    pub(super) client: Client,
}

impl Caller for Single {
    async fn call(&mut self) -> Result<u64> {
        let engine = Engine::new(&self.client);
        engine.trigger(&Trigger::new("noop")).await?;
        let dequeued = engine.dequeue(&Dequeue::default()).await?;
        for run in &dequeued {
            let started = engine
                .start_attempt(&run.run_id, &run.snapshot_id, false)
                .await?;
            engine
                .succeed(&run.run_id, &started.execution.snapshot_id, &())
                .await?;
        }
        Ok(dequeued.len() as u64)
    }

    fn client(&self) -> &Client {
        &self.client
    }
}

/// Moves many runs at a time from trigger to completion: each call is about all of them.
pub(super) struct Batched {
    pub(super) client: Client,
    pub(super) batch: i32,
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

impl Caller for Batched {
    async fn call(&mut self) -> Result<u64> {
        let engine = Engine::new(&self.client);
        let triggers: Vec<Trigger> = (0..self.batch).map(|_| Trigger::new("noop")).collect();
        engine.trigger_many(&triggers).await?;
        let dequeue = Dequeue::default().max_runs(self.batch);
        let dequeued = engine.dequeue(&dequeue).await?;
        start_and_complete(&engine, dequeued).await
    }

    fn client(&self) -> &Client {
        &self.client
    }
}
