//! The calls that a service makes most.

use std::sync::Arc;

use super::Cluster;
use super::route::{Target, shard_of};
use crate::{
    AddedItem, Batch, BatchId, BatchItem, Cancel, Cancelled, CompletedWaitpoint, Connection, Error,
    NewBatch, RunId, RunResult, Trigger, Triggered, WaitpointId,
};

/// The environment of what names none.
const DEFAULT: &str = "default";

impl Cluster {
    /// Makes a run on the shard of its parent, its batch or its environment, as
    /// [`Engine::trigger`](crate::Engine::trigger) does.
    ///
    /// If the answer was lost it is triggered again only if it has an
    /// [idempotency key](Trigger::idempotency_key): otherwise there could be two runs.
    ///
    /// # Errors
    /// Those of [`Engine::trigger`](crate::Engine::trigger) and of [`of_run`](Self::of_run).
    pub async fn trigger(&self, trigger: &Trigger) -> Result<Triggered, Error> {
        let target = target_of(trigger);
        let repeats = trigger.idempotency_key.is_some();
        let call =
            |connection: Arc<Connection>| async move { connection.engine().trigger(trigger).await };
        let triggered = self.ask(&target, repeats, call).await?;
        self.learn(&target, triggered.run_id.as_str());
        Ok(triggered)
    }

    /// The result of a run, as [`Engine::run_result`](crate::Engine::run_result) has it.
    ///
    /// # Errors
    /// Those of [`Engine::run_result`](crate::Engine::run_result) and of [`of_run`](Self::of_run).
    pub async fn run_result(&self, run_id: &RunId) -> Result<Option<RunResult>, Error> {
        let call = |connection: Arc<Connection>| async move {
            connection.engine().run_result(run_id, None).await
        };
        self.of_run(run_id, call).await
    }

    /// Cancels a run, as [`Engine::cancel`](crate::Engine::cancel) does.
    ///
    /// # Errors
    /// Those of [`Engine::cancel`](crate::Engine::cancel) and of [`of_run`](Self::of_run).
    pub async fn cancel(&self, run_id: &RunId, cancel: &Cancel) -> Result<Cancelled, Error> {
        let call = |connection: Arc<Connection>| async move {
            connection.engine().cancel(run_id, cancel).await
        };
        self.of_run(run_id, call).await
    }

    /// Completes a waitpoint, as [`Engine::complete_waitpoint`](crate::Engine::complete_waitpoint) does.
    ///
    /// # Errors
    /// Those of [`Engine::complete_waitpoint`](crate::Engine::complete_waitpoint) and of [`of_run`](Self::of_run).
    pub async fn complete_waitpoint(
        &self,
        waitpoint_id: &WaitpointId,
        output: Option<&str>,
        output_type: Option<&str>,
        is_error: bool,
    ) -> Result<CompletedWaitpoint, Error> {
        let call = |connection: Arc<Connection>| async move {
            let engine = connection.engine();
            engine
                .complete_waitpoint(waitpoint_id, output, output_type, is_error)
                .await
        };
        self.of_waitpoint(waitpoint_id, call).await
    }

    /// Creates a batch on the shard of its parent or its environment, as
    /// [`Engine::create_batch`](crate::Engine::create_batch) does. If the answer was lost it is created again only if it has
    /// an [idempotency key](NewBatch::idempotency_key).
    ///
    /// # Errors
    /// Those of [`Engine::create_batch`](crate::Engine::create_batch) and of [`of_run`](Self::of_run).
    pub async fn create_batch(&self, new: &NewBatch) -> Result<Batch, Error> {
        let target = match &new.parent_run_id {
            Some(parent) => Target::run(parent),
            None => Target::Environment(new.environment_id.clone()),
        };
        let repeats = new.idempotency_key.is_some();
        let identity = &self.config.identity;
        let call = |connection: Arc<Connection>| async move {
            let engine = connection.engine().identified_as(identity);
            engine.create_batch(new).await
        };
        let batch = self.ask(&target, repeats, call).await?;
        self.learn(&target, batch.batch_id.as_str());
        Ok(batch)
    }

    /// Triggers the runs of these items, as [`Engine::add_to_batch`](crate::Engine::add_to_batch) does.
    ///
    /// # Errors
    /// Those of [`Engine::add_to_batch`](crate::Engine::add_to_batch) and of [`of_run`](Self::of_run).
    pub async fn add_to_batch(
        &self,
        batch_id: &BatchId,
        items: &[BatchItem],
    ) -> Result<Vec<AddedItem>, Error> {
        let call = |connection: Arc<Connection>| async move {
            connection.engine().add_to_batch(batch_id, items).await
        };
        self.of_batch(batch_id, call).await
    }

    /// Where the environment of a call is, by an id that it has returned.
    pub(super) fn learn(&self, target: &Target, id: &str) {
        if let Target::Environment(environment_id) = target {
            self.routes.learn(environment_id, shard_of(id));
        }
    }
}

/// Runs are on the shard of their parent and of their batch.
pub(super) fn target_of(trigger: &Trigger) -> Target {
    if let Some(parent) = &trigger.parent_run_id {
        return Target::run(&RunId::new(parent));
    }
    if let Some(batch) = &trigger.batch_id {
        return Target::batch(&BatchId::new(batch));
    }
    let environment_id = trigger.environment_id.as_deref().unwrap_or(DEFAULT);
    Target::Environment(environment_id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_to_its_parent_its_batch_or_its_environment() {
        let environment = |id: &str| Target::Environment(id.to_owned());
        let of = |trigger: Trigger| target_of(&trigger);
        assert_eq!(of(Trigger::new("t")), environment("default"));
        let acme = Trigger::new("t").environment_id("acme");
        assert_eq!(of(acme.clone()), environment("acme"));
        let child = acme.parent(RunId::new("run_cmibtzv1k0000abcd12345607"));
        assert_eq!(of(child), Target::Shard(7));
    }
}
