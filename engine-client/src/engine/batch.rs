//! The functions of batches.

use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::{Json, Type};

use crate::{
    AddedItem, Batch, BatchId, BatchItem, Engine, Error, NewBatch, RunId, SealedBatch, statement,
};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_create_batch`: creates a batch, whose items are added in later calls.
    ///
    /// ```
    /// # use engine_client::{BatchItem, Engine, Error, NewBatch, Trigger, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let batch = engine.create_batch(&NewBatch::of(2)).await?;
    /// let items = [
    ///     BatchItem::at(0, Trigger::new("resize").payload("a.png")?),
    ///     BatchItem::at(1, Trigger::new("resize").payload("b.png")?),
    /// ];
    /// // The second of two items seals the batch.
    /// engine.add_to_batch(&batch.batch_id, &items).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`UnknownEnvironment`](crate::ErrorKind::UnknownEnvironment),
    /// [`UnknownRun`](crate::ErrorKind::UnknownRun) for a parent that does not exist; for one that is to
    /// wait, also [`RunFinished`](crate::ErrorKind::RunFinished) and
    /// [`NotStartable`](crate::ErrorKind::NotStartable) if no attempt of it runs;
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn create_batch(&self, new: &NewBatch) -> Result<Batch, Error> {
        let parent_run_id = new.parent_run_id.as_ref().map(RunId::as_str);
        let row = self
            .client
            .query_typed_one(
                statement::CREATE_BATCH,
                &[
                    (&new.run_count, Type::INT4),
                    (&new.environment_id, Type::TEXT),
                    (&parent_run_id, Type::TEXT),
                    (&new.resume_parent, Type::BOOL),
                    (&new.idempotency_key, Type::TEXT),
                    (&new.idempotency_key_expires_at, Type::TIMESTAMPTZ),
                    (&new.expires_at, Type::TIMESTAMPTZ),
                    (&new.options, Type::JSONB),
                    (&self.identity.worker_id, Type::TEXT),
                    (&self.identity.runner_id, Type::TEXT),
                ],
            )
            .await?;
        Batch::from_row(&row)
    }

    /// `engine_add_to_batch`: triggers the runs of these items; the answers come in order. An index that is taken
    /// stays as it is, so that a call whose answer was lost may be repeated.
    ///
    /// ```
    /// # use engine_client::{BatchId, BatchItem, Engine, Error, Trigger, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, batch_id: BatchId) -> Result<(), Error> {
    /// let item = BatchItem::at(7, Trigger::new("resize").payload("h.png")?);
    /// for added in engine.add_to_batch(&batch_id, &[item]).await? {
    ///     match added.error_message {
    ///         None => println!("item {} is run {}", added.index, added.run_id),
    ///         Some(message) => println!("item {} was refused: {message}", added.index),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownBatch`](crate::ErrorKind::UnknownBatch),
    /// [`BatchClosed`](crate::ErrorKind::BatchClosed),
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput),
    /// [`RunIdTaken`](crate::ErrorKind::RunIdTaken),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation). An item that cannot be triggered is no error:
    /// its answer says so.
    pub async fn add_to_batch(
        &self,
        batch_id: &BatchId,
        items: &[BatchItem],
    ) -> Result<Vec<AddedItem>, Error> {
        let rows = self
            .client
            .query_typed(
                statement::ADD_TO_BATCH,
                &[
                    (&batch_id.as_str(), Type::TEXT),
                    (&Json(items), Type::JSONB),
                ],
            )
            .await?;
        rows.iter().map(AddedItem::from_row).collect()
    }

    /// `engine_seal_batch`: declares that all items have been added.
    ///
    /// ```
    /// # use engine_client::{BatchItem, Engine, Error, NewBatch, Trigger, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let batch = engine.create_batch(&NewBatch::open()).await?;
    /// for (index, name) in (0..).zip(["a.png", "b.png"]) {
    ///     let item = BatchItem::at(index, Trigger::new("resize").payload(name)?);
    ///     engine.add_to_batch(&batch.batch_id, &[item]).await?;
    /// }
    /// let sealed = engine.seal_batch(&batch.batch_id).await?;
    /// println!("{} items", sealed.item_count);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UnknownBatch`](crate::ErrorKind::UnknownBatch),
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation). Missing items are no error:
    /// [`SealedBatch::sealed`] says so.
    pub async fn seal_batch(&self, batch_id: &BatchId) -> Result<SealedBatch, Error> {
        let row = self
            .client
            .query_typed_one(statement::SEAL_BATCH, &[(&batch_id.as_str(), Type::TEXT)])
            .await?;
        SealedBatch::from_row(&row)
    }

    /// `engine_batch_data`: everything about a batch with its runs and failures, or none if there is no such batch
    /// in that environment.
    ///
    /// ```
    /// # use engine_client::{BatchId, Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>, batch_id: BatchId) -> Result<(), Error> {
    /// if let Some(data) = engine.batch_data(&batch_id, None).await? {
    ///     println!("{data:#}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [every call](Self).
    pub async fn batch_data(
        &self,
        batch_id: &BatchId,
        environment_id: Option<&str>,
    ) -> Result<Option<Value>, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::BATCH_DATA,
                &[
                    (&batch_id.as_str(), Type::TEXT),
                    (&environment_id, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.try_get("batch_data")?)
    }
}
