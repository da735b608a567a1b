//! A worker's turn: completions, and runs that start, in one commit.

use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use super::many::of_many;
use crate::time::to_ms_i32;
use crate::{
    Completed, Completion, Dequeue, Dequeued, Engine, Error, OfMany, RunId, SnapshotId, statement,
};

/// The outcome of a turn.
#[derive(Debug)]
#[non_exhaustive]
pub struct WorkerTurn {
    /// The outcome of each completion, in order.
    pub completed: Vec<OfMany<Completed>>,
    /// The runs whose attempts have started: snapshot, statuses, number and heartbeat are those of the attempt. A run
    /// with a checkpoint continues its attempt.
    pub started: Vec<Dequeued>,
}

impl WorkerTurn {
    /// A turn without runs.
    pub(crate) fn reported(completed: Vec<OfMany<Completed>>) -> Self {
        Self {
            completed,
            started: Vec::new(),
        }
    }
}

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_work`: completes attempts as [`complete_many`](Self::complete_many) does, then dequeues runs and starts
    /// them, all in one commit. Slots that the completions free serve the runs of the same turn. With completions
    /// it never waits; with zero runs it only completes.
    ///
    /// If the answer is lost, the started runs are unknown to the caller, and stall, unless the turn has a name: called
    /// again with the same `turn_id` and the same arguments, it returns the same answer. That needs an identity with both
    /// ids, and for each turn another name than the one before had.
    ///
    /// ```
    /// # use engine_client::{Completion, Dequeue, Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let dequeue = Dequeue::new("main").max_runs(10);
    /// let mut ends = Vec::new();
    /// loop {
    ///     // Reports the last turn's ends and starts the next runs, in one commit.
    ///     let turn = engine.work(&ends, &dequeue, None).await?;
    ///     if turn.started.is_empty() {
    ///         break;
    ///     }
    ///     ends.clear();
    ///     for run in turn.started {
    ///         let output = Completion::success(&run.task)?;
    ///         ends.push((run.run_id, run.snapshot_id, output));
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn work(
        &self,
        completions: &[(RunId, SnapshotId, Completion)],
        dequeue: &Dequeue,
        turn_id: Option<&str>,
    ) -> Result<WorkerTurn, Error> {
        let completions: Vec<Value> = completions
            .iter()
            .map(|(run_id, snapshot_id, completion)| completion.to_element(run_id, snapshot_id))
            .collect();
        let rows = self
            .client
            .query_typed(
                statement::WORK,
                &[
                    (&Json(completions), Type::JSONB),
                    (&dequeue.worker_queue, Type::TEXT),
                    (&dequeue.max_runs, Type::INT4),
                    (&dequeue.environment_id, Type::TEXT),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                    (&dequeue.worker_version, Type::TEXT),
                    (&to_ms_i32(dequeue.wait), Type::INT4),
                    (&turn_id, Type::TEXT),
                ],
            )
            .await?;
        let mut turn = WorkerTurn::reported(Vec::new());
        for row in &rows {
            match row.try_get("kind")? {
                "started" => turn.started.push(Dequeued::from_row(row)?),
                _ => turn.completed.push(of_many(row, Completed::from_row)?),
            }
        }
        Ok(turn)
    }
}
