//! The heartbeats of attempts.

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use super::many::{OfMany, columns, of_many};
use crate::{Engine, Error, Heartbeat, Presence, RunId, SnapshotId, statement};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_heartbeat`: extends the deadline of a run, if `snapshot_id` is its latest snapshot.
    ///
    /// An answer with another snapshot means that the run has moved on: stop the work.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId, snapshot_id: SnapshotId) -> Result<(), Error> {
    /// let beat = engine.heartbeat(&run_id, &snapshot_id).await?;
    /// if beat.execution.snapshot_id != snapshot_id {
    ///     println!("stop: the run is {}", beat.execution.execution_status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
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

    /// `engine_heartbeat_many`: beats for many runs in one statement; the answers come in order, with none for a run that does
    /// not exist, and an error for one whose shard is not here, or is being moved.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, held: Vec<(RunId, SnapshotId)>) -> Result<(), Error> {
    /// let beats = engine.heartbeat_many(&held).await?;
    /// for ((run_id, snapshot_id), beat) in held.iter().zip(beats) {
    ///     match beat {
    ///         Ok(Some(beat)) if beat.execution.snapshot_id == *snapshot_id => {}
    ///         Ok(_) => println!("stop the work on {run_id}"),
    ///         Err(error) => println!("beat again for {run_id}: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn heartbeat_many(
        &self,
        runs: &[(RunId, SnapshotId)],
    ) -> Result<Vec<OfMany<Option<Heartbeat>>>, Error> {
        let (run_ids, snapshot_ids) = columns(runs);
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
        rows.iter()
            .map(|row| of_many(row, Heartbeat::from_nullable_row))
            .collect()
    }

    /// `engine_moved`: the runs among these that have moved on from these snapshots, or do not exist. Writes
    /// nothing.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, held: Vec<(RunId, SnapshotId)>) -> Result<(), Error> {
    /// for run_id in engine.moved(&held).await? {
    ///     println!("stop the work on {run_id}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput).
    pub async fn moved(&self, runs: &[(RunId, SnapshotId)]) -> Result<Vec<RunId>, Error> {
        let (run_ids, snapshot_ids) = columns(runs);
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

    /// `engine_report_worker`: says that this worker is there, and how many runs it holds at once; returns whether it was known.
    /// Its identity is that of the calls of this [`Engine`].
    ///
    /// ```
    /// # use engine_client::{Engine, Error, Identity, Presence, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, identity: &Identity) -> Result<(), Error> {
    /// let engine = engine.identified_as(identity);
    /// let presence = Presence::new(10);
    /// engine.report_worker(&presence).await?;
    /// // When it ends:
    /// engine.report_worker(&presence.ended()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn report_worker(&self, presence: &Presence) -> Result<bool, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::REPORT_WORKER,
                &[
                    (&presence.capacity, Type::INT4),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                    (&presence.worker_queue, Type::TEXT),
                    (&presence.environment_id, Type::TEXT),
                    (&presence.worker_version, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.try_get(0)?)
    }
}
