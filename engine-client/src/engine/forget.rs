//! The function that forgets runs.

use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use crate::{Engine, Error, ForgottenRun, RunFilter, RunId, statement};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_forget` of one run: deletes a run that has ended, with all that belongs to it. With `is_dry` it only
    /// looks.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunId, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, run_id: RunId) -> Result<(), Error> {
    /// let forgotten = engine.forget_run(&run_id, false).await?;
    /// println!("{}: {}", forgotten.run_id, forgotten.outcome);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun), [`NotStartable`](crate::ErrorKind::NotStartable) for a run that has
    /// not ended, [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn forget_run(&self, run_id: &RunId, is_dry: bool) -> Result<ForgottenRun, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::FORGET,
                &[
                    (&run_id.as_str(), Type::TEXT),
                    (&None::<Json<RunFilter>>, Type::JSONB),
                    (&is_dry, Type::BOOL),
                    (&None::<i32>, Type::INT4),
                ],
            )
            .await?;
        ForgottenRun::from_row(&row)
    }

    /// `engine_forget` with a filter: deletes up to `max_runs` runs that match and have ended. With `is_dry` it only
    /// looks.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, RunFilter, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// // A dry run only shows what a person's data is.
    /// for run in engine.forget_runs(&RunFilter::default().tag("user-17"), true, 1_000).await? {
    ///     println!("{} of task {}: {}", run.run_id, run.task, run.outcome);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a filter without a condition,
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn forget_runs(
        &self,
        filter: &RunFilter,
        is_dry: bool,
        max_runs: i32,
    ) -> Result<Vec<ForgottenRun>, Error> {
        let rows = self
            .client
            .query_typed(
                statement::FORGET,
                &[
                    (&None::<&str>, Type::TEXT),
                    (&Json(filter), Type::JSONB),
                    (&is_dry, Type::BOOL),
                    (&max_runs, Type::INT4),
                ],
            )
            .await?;
        rows.iter().map(ForgottenRun::from_row).collect()
    }
}
