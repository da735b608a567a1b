//! The functions of bulk actions.

use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use crate::{Bulk, BulkStart, Engine, Error, statement};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_bulk`: starts an action on all runs that match, which the tick works through. With `is_dry` it only looks.
    ///
    /// ```
    /// # use engine_client::{Bulk, BulkAction, Engine, Error, RunFilter, RunStatus, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let failed = RunFilter::default().task("bill").status(RunStatus::CompletedWithErrors);
    /// let replay = Bulk::new(BulkAction::Replay { keep_steps: false }, failed).reason("the bank was down");
    /// let dry = engine.bulk(&replay, true).await?;
    /// println!("would replay {} runs", dry.count);
    /// // Refused if meanwhile many more match.
    /// let started = engine.bulk(&replay.expected_count(dry.count), false).await?;
    /// println!("bulk action {:?}", started.bulk_id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a filter without a condition,
    /// [`MoreThanExpected`](crate::ErrorKind::MoreThanExpected), [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn bulk(&self, bulk: &Bulk, is_dry: bool) -> Result<BulkStart, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::BULK,
                &[
                    (&bulk.action.name(), Type::TEXT),
                    (&Json(&bulk.filter), Type::JSONB),
                    (&is_dry, Type::BOOL),
                    (&bulk.reason, Type::TEXT),
                    (&bulk.action.options().map(Json), Type::JSONB),
                    (&bulk.expected_count, Type::INT8),
                ],
            )
            .await?;
        BulkStart::from_row(&row)
    }

    /// `engine_bulk_stop`: stops a bulk action; returns whether it was running. What it has done stays done.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, bulk_id: String) -> Result<(), Error> {
    /// if engine.bulk_stop(&bulk_id).await? {
    ///     println!("stopped");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownBulkAction`](crate::ErrorKind::UnknownBulkAction), [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn bulk_stop(&self, bulk_id: &str) -> Result<bool, Error> {
        let row = self
            .client
            .query_typed_one(statement::BULK_STOP, &[(&bulk_id, Type::TEXT)])
            .await?;
        Ok(row.try_get("was_running")?)
    }
}
