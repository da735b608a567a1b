//! The functions of retention.

use std::time::Duration;

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::time::to_ms;
use crate::{Engine, Error, KeptRuns, RetentionPolicy, statement};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_set_retention`: how long these runs are kept after they have ended, those that have ended before as
    /// well; `None` for ever.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, KeptRuns, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// use std::time::Duration;
    ///
    /// let mails = KeptRuns::default().task("mail").outcome("completed");
    /// engine.set_retention(&mails, Some(Duration::from_secs(86_400))).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput).
    pub async fn set_retention(
        &self,
        runs: &KeptRuns,
        keep: Option<Duration>,
    ) -> Result<(), Error> {
        let keep_ms = keep.map(to_ms);
        self.client
            .query_typed_one(
                statement::SET_RETENTION,
                &[
                    (&runs.environment_id, Type::TEXT),
                    (&runs.task, Type::TEXT),
                    (&runs.queue, Type::TEXT),
                    (&runs.outcome, Type::TEXT),
                    (&keep_ms, Type::INT8),
                ],
            )
            .await?;
        Ok(())
    }

    /// `engine_delete_retention`: deletes a policy and returns whether it existed.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, KeptRuns, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let existed = engine.delete_retention(&KeptRuns::default().task("mail")).await?;
    /// # drop(existed);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput).
    pub async fn delete_retention(&self, runs: &KeptRuns) -> Result<bool, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::DELETE_RETENTION,
                &[
                    (&runs.environment_id, Type::TEXT),
                    (&runs.task, Type::TEXT),
                    (&runs.queue, Type::TEXT),
                    (&runs.outcome, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.try_get("existed")?)
    }

    /// `engine_retention`: the policies, set and built in, each with the runs for which it holds. Reads every run.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// for policy in engine.retention().await? {
    ///     println!("{policy:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn retention(&self) -> Result<Vec<RetentionPolicy>, Error> {
        let rows = self.client.query_typed(statement::RETENTION, &[]).await?;
        rows.iter().map(RetentionPolicy::from_row).collect()
    }

    /// `engine_sweep`: removes runs whose time has come, at most `max_runs`, and returns how many. The tick does the
    /// same, a step at a time.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// while engine.sweep(10_000).await? > 0 {}
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn sweep(&self, max_runs: i32) -> Result<i32, Error> {
        let row = self
            .client
            .query_typed_one(statement::SWEEP, &[(&max_runs, Type::INT4)])
            .await?;
        Ok(row.try_get("removed")?)
    }
}
