//! Runs that a handler triggers and waits for.

use std::sync::Arc;

use super::Context;
use crate::{BatchId, BatchItem, Connection, Error, Failure, NewBatch, RunId, RunResult, Trigger};

/// Items in one call: the default of the server's `engine.max_batch`.
const ITEMS_PER_CALL: usize = 1000;

impl Context {
    /// Triggers a run, waits for its end, and returns its result. It becomes a child of this run: it belongs to
    /// its environment, continues its trace, and is cancelled with it.
    ///
    /// ```
    /// # use engine_client::{Context, Failure, Trigger};
    /// async fn double_twice(ctx: Context, number: i64) -> Result<i64, Failure> {
    ///     let double = Trigger::new("double").payload(&number)?;
    ///     let doubled = ctx.trigger_and_wait("first", double).await?;
    ///     let double = Trigger::new("double").payload(&doubled.output::<i64>()?)?;
    ///     let doubled = ctx.trigger_and_wait("second", double).await?;
    ///     Ok(doubled.output()?)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for). A child that failed is no error: see [`RunResult::is_success`]; parsing
    /// its missing output as anything but null is one.
    pub async fn trigger_and_wait(&self, name: &str, run: Trigger) -> Result<RunResult, Failure> {
        let results = self.batch_trigger_and_wait(name, [run]).await?;
        let result = results.into_iter().next();
        result.ok_or_else(|| Failure::message("the child is gone"))
    }

    /// Triggers many runs, waits for the end of all, and returns the results, in order.
    ///
    /// # Errors
    /// As [`trigger_and_wait`](Self::trigger_and_wait). A run that cannot be triggered is no error, but a result
    /// that says so.
    pub async fn batch_trigger_and_wait(
        &self,
        name: &str,
        runs: impl IntoIterator<Item = Trigger>,
    ) -> Result<Vec<RunResult>, Failure> {
        #[cfg(feature = "testing")]
        if let Some(script) = &self.parts.script {
            return script.trigger(self.key("batch", name), runs);
        }
        let items: Vec<BatchItem> = (0..)
            .zip(runs)
            .map(|(index, run)| BatchItem::at(index, run.inherited_from(self.run())))
            .collect();
        let Ok(count @ 1..) = i32::try_from(items.len()) else {
            return Ok(Vec::new());
        };
        let batch = &NewBatch::of(count)
            .environment_id(&self.run().environment_id)
            .awaited_by(self.run_id().clone())
            .idempotency_key(self.key("batch", name));
        let mut children = Vec::with_capacity(items.len());
        self.pause(None, async || {
            let create = |connection: Arc<Connection>| async move {
                let identity = self.parts.calls.identity();
                let engine = connection.engine().identified_as(identity);
                engine.create_batch(batch).await
            };
            let batch = self.persist(create).await?;
            for items in items.chunks(ITEMS_PER_CALL) {
                children.extend(self.add(&batch.batch_id, items).await?);
            }
            // A batch that had all its items before may have ended.
            Ok(batch.is_cached)
        })
        .await?;
        let mut results = Vec::with_capacity(children.len());
        for child in &children {
            let look = |connection: Arc<Connection>| async move {
                connection.engine().run_result(child, None).await
            };
            let result = self.persist(look).await?;
            results.push(result.ok_or_else(|| Failure::message("a child is gone"))?);
        }
        Ok(results)
    }

    /// Adds items that are missing; returns the runs of all.
    async fn add(&self, batch_id: &BatchId, items: &[BatchItem]) -> Result<Vec<RunId>, Error> {
        let add = |connection: Arc<Connection>| async move {
            connection.engine().add_to_batch(batch_id, items).await
        };
        let added = self.persist(add).await?;
        Ok(added.into_iter().map(|item| item.run_id).collect())
    }
}
