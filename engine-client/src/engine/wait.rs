//! The functions of waiting: waitpoints, blocks, checkpoints.

use std::time::SystemTime;

use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::{
    BatchId, Block, Blocked, Checkpoint, Checkpointed, CompletedWaitpoint, Engine, Error,
    Heartbeat, RunId, SnapshotId, Unblocked, Waitpoint, WaitpointId, WaitpointOptions, statement,
};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_create_datetime_waitpoint`: creates a waitpoint that completes itself at a moment.
    ///
    /// ```
    /// # use engine_client::{Block, Engine, Error, RunId, WaitpointOptions, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// use std::time::{Duration, SystemTime};
    ///
    /// let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    /// let waitpoint = engine.create_datetime_waitpoint(tomorrow, &WaitpointOptions::default()).await?;
    /// engine.block(&run_id, &Block::on([waitpoint.waitpoint_id])).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment).
    pub async fn create_datetime_waitpoint(
        &self,
        completed_after: SystemTime,
        options: &WaitpointOptions,
    ) -> Result<Waitpoint, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::CREATE_DATETIME_WAITPOINT,
                &[
                    (&completed_after, Type::TIMESTAMPTZ),
                    (&options.environment_id, Type::TEXT),
                    (&options.idempotency_key, Type::TEXT),
                    (&options.idempotency_key_expires_at, Type::TIMESTAMPTZ),
                ],
            )
            .await?;
        Waitpoint::from_row(&row)
    }

    /// `engine_create_manual_waitpoint`: creates a token that a caller completes with
    /// [`complete_waitpoint`](Self::complete_waitpoint), or that fails at `timeout_at`.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, WaitpointOptions, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let options = WaitpointOptions::default().idempotency_key("approve-order-17");
    /// let token = engine.create_manual_waitpoint(None, &options).await?;
    /// println!("complete {} to approve", token.waitpoint_id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment).
    pub async fn create_manual_waitpoint(
        &self,
        timeout_at: Option<SystemTime>,
        options: &WaitpointOptions,
    ) -> Result<Waitpoint, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::CREATE_MANUAL_WAITPOINT,
                &[
                    (&timeout_at, Type::TIMESTAMPTZ),
                    (&options.environment_id, Type::TEXT),
                    (&options.idempotency_key, Type::TEXT),
                    (&options.idempotency_key_expires_at, Type::TIMESTAMPTZ),
                    (&options.tags, Type::TEXT_ARRAY),
                ],
            )
            .await?;
        Waitpoint::from_row(&row)
    }

    /// `engine_run_waitpoint`: the waitpoint that the end of a run completes; created by the first call.
    ///
    /// ```
    /// # use engine_client::{Block, Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, parent: RunId, child: RunId) -> Result<(), Error> {
    /// let end_of_child = engine.run_waitpoint(&child).await?;
    /// engine.block(&parent, &Block::on([end_of_child.waitpoint_id])).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn run_waitpoint(&self, run_id: &RunId) -> Result<Waitpoint, Error> {
        let row = self
            .client
            .query_typed_one(statement::RUN_WAITPOINT, &[(&run_id.as_str(), Type::TEXT)])
            .await?;
        Waitpoint::from_row(&row)
    }

    /// `engine_complete_waitpoint`: completes a waitpoint with an output, JSON unless `output_type` says
    /// otherwise. The first output wins.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, WaitpointId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, token: WaitpointId) -> Result<(), Error> {
    /// let completed = engine.complete_waitpoint(&token, Some("true"), None, false).await?;
    /// if completed.already_completed {
    ///     println!("somebody was faster: {:?}", completed.output);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownWaitpoint`](crate::ErrorKind::UnknownWaitpoint),
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn complete_waitpoint(
        &self,
        waitpoint_id: &WaitpointId,
        output: Option<&str>,
        output_type: Option<&str>,
        is_error: bool,
    ) -> Result<CompletedWaitpoint, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::COMPLETE_WAITPOINT,
                &[
                    (&waitpoint_id.as_str(), Type::TEXT),
                    (&output, Type::TEXT),
                    (&output_type, Type::TEXT),
                    (&is_error, Type::BOOL),
                ],
            )
            .await?;
        CompletedWaitpoint::from_row(&row)
    }

    /// `engine_waitpoint_data`: everything about a waitpoint with the runs that it blocks, or none if there is no
    /// such waitpoint in that environment.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, WaitpointId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, token: WaitpointId) -> Result<(), Error> {
    /// if let Some(data) = engine.waitpoint_data(&token, None).await? {
    ///     println!("{data:#}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn waitpoint_data(
        &self,
        waitpoint_id: &WaitpointId,
        environment_id: Option<&str>,
    ) -> Result<Option<Value>, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::WAITPOINT_DATA,
                &[
                    (&waitpoint_id.as_str(), Type::TEXT),
                    (&environment_id, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.try_get("waitpoint_data")?)
    }

    /// `engine_block`: makes an executing run wait. Until it continues, beat and complete it with the snapshot
    /// that is returned.
    ///
    /// ```
    /// # use engine_client::{Block, Engine, Error, RunId, WaitpointId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId, token: WaitpointId) -> Result<(), Error> {
    /// let blocked = engine.block(&run_id, &Block::on([token])).await?;
    /// // Beats and the completion name this snapshot from now on.
    /// let snapshot_id = blocked.execution.snapshot_id;
    /// engine.heartbeat(&run_id, &snapshot_id).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun),
    /// [`UnknownWaitpoint`](crate::ErrorKind::UnknownWaitpoint),
    /// [`StaleSnapshot`](crate::ErrorKind::StaleSnapshot) if the attempt that holds the given snapshot is lost,
    /// [`RunFinished`](crate::ErrorKind::RunFinished),
    /// [`NotStartable`](crate::ErrorKind::NotStartable) if no attempt of it runs,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn block(&self, run_id: &RunId, block: &Block) -> Result<Blocked, Error> {
        let waitpoint_ids: Vec<&str> = block
            .waitpoint_ids
            .iter()
            .map(WaitpointId::as_str)
            .collect();
        let batch_id = block.batch_id.as_ref().map(BatchId::as_str);
        let snapshot_id = block.snapshot_id.as_ref().map(SnapshotId::as_str);
        let row = self
            .client
            .query_typed_one(
                statement::BLOCK,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&waitpoint_ids, Type::TEXT_ARRAY),
                    (&batch_id, Type::TEXT),
                    (&block.batch_indexes, Type::INT4_ARRAY),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                    (&block.timeout_at, Type::TIMESTAMPTZ),
                    (&block.span_id, Type::TEXT),
                    (&snapshot_id, Type::TEXT),
                ],
            )
            .await?;
        Blocked::from_row(&row)
    }

    /// `engine_unblock`: continues a run if everything that it waits for is completed.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// let unblocked = engine.unblock(&run_id).await?;
    /// println!("{}: {:?}", unblocked.status, unblocked.reason);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn unblock(&self, run_id: &RunId) -> Result<Unblocked, Error> {
        let row = self
            .client
            .query_typed_one(statement::UNBLOCK, &[(&run_id.as_str(), Type::TEXT)])
            .await?;
        Unblocked::from_row(&row)
    }

    /// `engine_create_checkpoint`: suspends a run whose process was frozen. It gives its slot back, and continues
    /// through its queue.
    ///
    /// ```
    /// # use engine_client::{Checkpoint, Engine, Error, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId, snapshot_id: SnapshotId) -> Result<(), Error> {
    /// let checkpoint = Checkpoint::new("DOCKER", "registry.example/frozen/17").reason("waits for a day");
    /// let frozen = engine.create_checkpoint(&run_id, &snapshot_id, &checkpoint).await?;
    /// if !frozen.ok {
    ///     println!("keep the process: {:?}", frozen.error);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun),
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation). A run that has moved on is no error:
    /// [`Checkpointed::ok`] says so.
    pub async fn create_checkpoint(
        &self,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
        checkpoint: &Checkpoint,
    ) -> Result<Checkpointed, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::CREATE_CHECKPOINT,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&snapshot_id.as_str(), Type::TEXT),
                    (&checkpoint.kind, Type::TEXT),
                    (&checkpoint.location, Type::TEXT),
                    (&checkpoint.image_ref, Type::TEXT),
                    (&checkpoint.reason, Type::TEXT),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                ],
            )
            .await?;
        Checkpointed::from_row(&row)
    }

    /// `engine_continue`: continues the attempt of a run that was dequeued with a checkpoint.
    ///
    /// ```
    /// # use engine_client::{Dequeue, Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// for run in engine.dequeue(&Dequeue::new("main")).await? {
    ///     if run.checkpoint.is_some() {
    ///         // Restore the process, then:
    ///         engine.continue_run(&run.run_id, &run.snapshot_id).await?;
    ///     }
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
    pub async fn continue_run(
        &self,
        run_id: &RunId,
        snapshot_id: &SnapshotId,
    ) -> Result<Heartbeat, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::CONTINUE,
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
}
