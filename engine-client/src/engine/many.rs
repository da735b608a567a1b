//! The functions that move many runs in one commit; a refused run does not affect the others.

use serde_json::Value;
use tokio_postgres::types::{Json, Type};
use tokio_postgres::{GenericClient, Row};

use crate::{Completed, Completion, Engine, Error, RunId, SnapshotId, Started, statement};

/// The outcome for one run of many: what the single call returns, or why it was refused.
pub type OfMany<T> = Result<T, Error>;

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_start_many`: starts the next attempts of many dequeued runs in one commit; the answers come
    /// in order, with the errors of [`start_attempt`](Self::start_attempt).
    ///
    /// ```
    /// # use engine_client::{Dequeue, Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let runs = engine.dequeue(&Dequeue::new("main").max_runs(100)).await?;
    /// let held: Vec<_> = runs.into_iter().map(|run| (run.run_id, run.snapshot_id)).collect();
    /// for ((run_id, _), answer) in held.iter().zip(engine.start_many(&held, true).await?) {
    ///     match answer {
    ///         Ok(started) => println!("attempt {:?} of {run_id}", started.execution.attempt_number),
    ///         Err(error) => println!("{run_id}: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more than `engine.max_batch` runs,
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn start_many(
        &self,
        runs: &[(RunId, SnapshotId)],
        is_warm_start: bool,
    ) -> Result<Vec<OfMany<Started>>, Error> {
        let (run_ids, snapshot_ids) = columns(runs);
        let rows = self
            .client
            .query_typed(
                statement::START_MANY,
                &[
                    (&run_ids, Type::TEXT_ARRAY),
                    (&snapshot_ids, Type::TEXT_ARRAY),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                    (&is_warm_start, Type::BOOL),
                ],
            )
            .await?;
        rows.iter()
            .map(|row| of_many(row, Started::from_row))
            .collect()
    }

    /// `engine_complete_many`: reports the ends of many attempts in one commit; the answers come in order, with
    /// the errors of [`complete_attempt`](Self::complete_attempt).
    ///
    /// ```
    /// # use engine_client::{Completion, Engine, Error, RunId, SnapshotId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, done: Vec<(RunId, SnapshotId)>) -> Result<(), Error> {
    /// let success = Completion::success("done")?;
    /// let ends: Vec<_> = done.into_iter().map(|(run, snapshot)| (run, snapshot, success.clone())).collect();
    /// for ((run_id, _, _), answer) in ends.iter().zip(engine.complete_many(&ends).await?) {
    ///     if let Err(error) = answer {
    ///         println!("{run_id}: {error}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more than `engine.max_batch` attempts,
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn complete_many(
        &self,
        completions: &[(RunId, SnapshotId, Completion)],
    ) -> Result<Vec<OfMany<Completed>>, Error> {
        let completions: Vec<Value> = completions
            .iter()
            .map(|(run_id, snapshot_id, completion)| completion.to_element(run_id, snapshot_id))
            .collect();
        let rows = self
            .client
            .query_typed(
                statement::COMPLETE_MANY,
                &[
                    (&Json(completions), Type::JSONB),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                ],
            )
            .await?;
        rows.iter()
            .map(|row| of_many(row, Completed::from_row))
            .collect()
    }
}

/// Runs and their snapshots, as the arrays that calls about many take.
pub(super) fn columns(runs: &[(RunId, SnapshotId)]) -> (Vec<&str>, Vec<&str>) {
    let texts = runs.iter();
    texts
        .map(|(run, snapshot)| (run.as_str(), snapshot.as_str()))
        .unzip()
}

/// Reads a row that is either an answer or a refusal.
pub(super) fn of_many<T>(
    row: &Row,
    read: impl Fn(&Row) -> Result<T, Error>,
) -> Result<OfMany<T>, Error> {
    let code: Option<&str> = row.try_get("error_code")?;
    match code {
        Some(code) => {
            let message: Option<String> = row.try_get("error_message")?;
            Ok(Err(Error::refused(code, message.unwrap_or_default())))
        }
        None => read(row).map(Ok),
    }
}
