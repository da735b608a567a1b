//! The functions of shards.

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::{Engine, Error, Shard, ShardState, statement};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_set_shard`: sets what this database does with a shard, and returns what is on record then. `place` says where a
    /// shard that is not here is; without one the record keeps its place.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, ShardState, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// engine.set_shard(41, ShardState::Away, Some("node-b")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a shard above 1295, or a place of one that is served,
    /// [`WrongIsolation`](crate::ErrorKind::WrongIsolation).
    pub async fn set_shard(
        &self,
        shard: u16,
        state: ShardState,
        place: Option<&str>,
    ) -> Result<Shard, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::SET_SHARD,
                &[
                    (&i32::from(shard), Type::INT4),
                    (&state.as_str(), Type::TEXT),
                    (&place, Type::TEXT),
                ],
            )
            .await?;
        Shard::from_row(&row)
    }
}
