//! The functions of a worker: dequeue, start, heartbeat, complete.

use serde::Serialize;
use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::time::to_ms_i32;
use crate::{
    Completed, Completion, Dequeue, Dequeued, Engine, Error, Execution, Heartbeat, RunId,
    SnapshotId, Started, statement,
};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_dequeue`: claims due runs; each must be started within its heartbeat deadline.
    ///
    /// Runs that other sessions are claiming are skipped, never waited for, so that fewer runs than requested, or
    /// none, is normal.
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
    /// # Errors
    /// Only those of every call.
    pub async fn execution(&self, run_id: &RunId) -> Result<Option<Value>, Error> {
        let row = self
            .client
            .query_typed_one(statement::EXECUTION, &[(&run_id.as_str(), Type::TEXT)])
            .await?;
        Ok(row.try_get("execution")?)
    }

    /// `engine_heartbeat`: extends the deadline of a run, if `snapshot_id` is its latest snapshot.
    ///
    /// An answer with another snapshot means that the run has moved on: stop the work.
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn heartbeat(
        &self,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
    ) -> Result<Heartbeat, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::HEARTBEAT,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&snapshot_id.as_str(), Type::TEXT),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                ],
            )
            .await?;
        Heartbeat::from_row(&row)
    }

    /// `engine_heartbeat_many`: beats for many runs in one statement; the answers come in order, without one for a
    /// run that does not exist.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn heartbeat_many(
        &self,
        runs: &[(RunId, SnapshotId)],
    ) -> Result<Vec<Option<Heartbeat>>, Error> {
        let (run_ids, snapshot_ids): (Vec<&str>, Vec<&str>) = runs
            .iter()
            .map(|(run_id, snapshot_id)| (run_id.as_str(), snapshot_id.as_str()))
            .unzip();
        let rows = self
            .client
            .query_typed(
                statement::HEARTBEAT_MANY,
                &[
                    (&run_ids, Type::TEXT_ARRAY),
                    (&snapshot_ids, Type::TEXT_ARRAY),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                ],
            )
            .await?;
        rows.iter().map(Heartbeat::from_nullable_row).collect()
    }

    /// `engine_moved`: the runs among these that have moved on from these snapshots, or do not exist. Writes
    /// nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput).
    pub async fn moved(&self, runs: &[(RunId, SnapshotId)]) -> Result<Vec<RunId>, Error> {
        let (run_ids, snapshot_ids): (Vec<&str>, Vec<&str>) = runs
            .iter()
            .map(|(run_id, snapshot_id)| (run_id.as_str(), snapshot_id.as_str()))
            .unzip();
        let rows = self
            .client
            .query_typed(
                statement::MOVED,
                &[
                    (&run_ids, Type::TEXT_ARRAY),
                    (&snapshot_ids, Type::TEXT_ARRAY),
                ],
            )
            .await?;
        rows.iter()
            .map(|row| Ok(row.try_get::<_, RunId>("run_id")?))
            .collect()
    }

    /// `engine_complete_attempt`: reports the end of this snapshot's attempt.
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
