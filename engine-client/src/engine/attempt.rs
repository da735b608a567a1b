//! The functions of a worker: dequeue, start, complete.

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::time::to_ms_i32;
use crate::{
    Completed, Completion, Dequeue, Dequeued, Engine, Error, Execution, RunId, SnapshotId, Started,
    statement,
};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_dequeue`: claims due runs; each must be started within its heartbeat deadline.
    ///
    /// Runs that other sessions are claiming are skipped, never waited for, so that fewer runs than requested, or
    /// none, is normal.
    ///
    /// ```
    /// # use engine_client::{Dequeue, Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let dequeue = Dequeue::new("main").max_runs(10);
    /// for run in engine.dequeue(&dequeue).await? {
    ///     println!("{} of task {}: {}", run.run_id, run.task, run.payload);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn dequeue(&self, dequeue: &Dequeue) -> Result<Vec<Dequeued>, Error> {
        let rows = self
            .client
            .query_typed(
                statement::DEQUEUE,
                &[
                    (&dequeue.worker_queue, Type::TEXT),
                    (&dequeue.max_runs, Type::INT4),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                    (&dequeue.environment_id, Type::TEXT),
                    (&dequeue.worker_version, Type::TEXT),
                    (&to_ms_i32(dequeue.wait), Type::INT4),
                ],
            )
            .await?;
        rows.iter().map(Dequeued::from_row).collect()
    }

    /// `engine_wait`: returns when [`dequeue`](Self::dequeue) would return a run, at the latest after the time
    /// that `dequeue` waits for. The server holds nothing during the wait, not even a snapshot. Another worker may
    /// take the run first. Not in a transaction.
    ///
    /// ```
    /// # use engine_client::{Dequeue, Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// use std::time::Duration;
    ///
    /// let dequeue = Dequeue::new("main").max_runs(10);
    /// let runs = loop {
    ///     let runs = engine.dequeue(&dequeue).await?;
    ///     if !runs.is_empty() {
    ///         break runs;
    ///     }
    ///     let wait = dequeue.clone().wait(Duration::from_secs(30));
    ///     engine.wait_for_runs(&wait).await?;
    /// };
    /// # drop(runs);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn wait_for_runs(&self, dequeue: &Dequeue) -> Result<(), Error> {
        self.client
            .query_typed(
                statement::WAIT,
                &[
                    (&dequeue.worker_queue, Type::TEXT),
                    (&dequeue.environment_id, Type::TEXT),
                    (&dequeue.worker_version, Type::TEXT),
                    (&to_ms_i32(dequeue.wait), Type::INT4),
                ],
            )
            .await?;
        Ok(())
    }

    /// `engine_start_attempt`: starts the next attempt of a dequeued run. `is_warm_start` means that the process
    /// has executed before.
    ///
    /// ```
    /// # use engine_client::{Dequeue, Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// for run in engine.dequeue(&Dequeue::new("main")).await? {
    ///     let started = engine.start_attempt(&run.run_id, &run.snapshot_id, false).await?;
    ///     // From here on the run is held with the snapshot of the start.
    ///     let snapshot_id = started.execution.snapshot_id;
    ///     engine.succeed(&run.run_id, &snapshot_id, "done").await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun),
    /// [`StaleSnapshot`](crate::ErrorKind::StaleSnapshot),
    /// [`RunFinished`](crate::ErrorKind::RunFinished),
    /// [`NotStartable`](crate::ErrorKind::NotStartable),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn start_attempt(
        &self,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
        is_warm_start: bool,
    ) -> Result<Started, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::START_ATTEMPT,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&snapshot_id.as_str(), Type::TEXT),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                    (&is_warm_start, Type::BOOL),
                ],
            )
            .await?;
        Started::from_row(&row)
    }

    /// `engine_execution`: what the engine knows about the attempt that a run started last: the run, its task, queue
    /// and environment; none if it has started none.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// if let Some(execution) = engine.execution(&run_id).await? {
    ///     println!("attempt {}", execution["attempt"]["number"]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Only those of every call.
    pub async fn execution(&self, run_id: &RunId) -> Result<Option<Value>, Error> {
        let row = self
            .client
            .query_typed_one(statement::EXECUTION, &[(&run_id.as_str(), Type::TEXT)])
            .await?;
        Ok(row.try_get("execution")?)
    }

    /// `engine_complete_attempt`: reports the end of this snapshot's attempt.
    ///
    /// ```
    /// # use engine_client::{Completion, Engine, Error, Failure, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId, snapshot_id: SnapshotId) -> Result<(), Error> {
    /// use std::time::Duration;
    ///
    /// let failure = Failure::message("the mail server does not answer");
    /// let completion = Completion::failure(&failure).retry_after(Duration::from_secs(60));
    /// let completed = engine.complete_attempt(&run_id, &snapshot_id, &completion).await?;
    /// println!("tried again at {:?}", completed.retry_at);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun),
    /// [`StaleSnapshot`](crate::ErrorKind::StaleSnapshot),
    /// [`RunFinished`](crate::ErrorKind::RunFinished),
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn complete_attempt(
        &self,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
        completion: &Completion,
    ) -> Result<Completed, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::COMPLETE_ATTEMPT,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&snapshot_id.as_str(), Type::TEXT),
                    (completion.as_json(), Type::JSONB),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                ],
            )
            .await?;
        Completed::from_row(&row)
    }

    /// `engine_release`: gives back a run that the caller cannot finish. It is queued at once, in its old order,
    /// and an attempt that had started does not count.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId, snapshot_id: SnapshotId) -> Result<(), Error> {
    /// // This worker stops and cannot finish the run.
    /// engine.release(&run_id, &snapshot_id).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun),
    /// [`StaleSnapshot`](crate::ErrorKind::StaleSnapshot);
    /// [`NotStartable`](crate::ErrorKind::NotStartable) for a run that is neither dequeued nor executing;
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn release(
        &self,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
    ) -> Result<Execution, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::RELEASE,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&snapshot_id.as_str(), Type::TEXT),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                ],
            )
            .await?;
        Execution::from_row(&row)
    }

    /// `engine_succeed`: completes the attempt with `output`, written as JSON.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId, snapshot_id: SnapshotId) -> Result<(), Error> {
    /// let completed = engine.succeed(&run_id, &snapshot_id, &vec!["invoice-17.pdf"]).await?;
    /// println!("the run is {}", completed.run_status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`complete_attempt`](Self::complete_attempt), and
    /// [`Serialization`](crate::ErrorKind::Serialization) if `output` cannot be written as JSON.
    pub async fn succeed<T: Serialize + ?Sized>(
        &self,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
        output: &T,
    ) -> Result<Completed, Error> {
        let output = serde_json::to_string(output)?;
        self.complete_plainly(statement::SUCCEED, run_id, snapshot_id, &output)
            .await
    }

    /// `engine_fail`: completes the attempt as failed, with a message.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId, snapshot_id: SnapshotId) -> Result<(), Error> {
    /// engine.fail(&run_id, &snapshot_id, "no such customer").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`complete_attempt`](Self::complete_attempt).
    pub async fn fail(
        &self,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
        message: &str,
    ) -> Result<Completed, Error> {
        self.complete_plainly(statement::FAIL, run_id, snapshot_id, message)
            .await
    }

    async fn complete_plainly(
        &self,
        statement: &str,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
        text: &str,
    ) -> Result<Completed, Error> {
        let row = self
            .client
            .query_typed_one(
                statement,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&snapshot_id.as_str(), Type::TEXT),
                    (&text, Type::TEXT),
                ],
            )
            .await?;
        Completed::from_row(&row)
    }
}
