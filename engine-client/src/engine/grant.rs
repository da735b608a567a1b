//! The functions of rights.

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::{Engine, Error, statement};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_grant`: grants a role a capability, such as `work`, in an environment, or in all of them with `None`;
    /// returns whether the role did not have it. Only the owner of the extension may grant.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// engine.grant("billing_worker", "work", Some("billing")).await?;
    /// engine.grant("billing_service", "trigger", Some("billing")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput).
    pub async fn grant(
        &self,
        role: &str,
        capability: &str,
        environment_id: Option<&str>,
    ) -> Result<bool, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::GRANT,
                &[
                    (&role, Type::TEXT),
                    (&capability, Type::TEXT),
                    (&environment_id, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.try_get("is_new")?)
    }

    /// `engine_revoke`: takes a capability back from a role, as it was granted; returns whether it was.
    ///
    /// ```
    /// # use engine_client::{Engine, Error, tokio_postgres::Client};
    /// # async fn example(engine: Engine<'_, Client>) -> Result<(), Error> {
    /// let had_it = engine.revoke("billing_worker", "work", Some("billing")).await?;
    /// # drop(had_it);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput).
    pub async fn revoke(
        &self,
        role: &str,
        capability: &str,
        environment_id: Option<&str>,
    ) -> Result<bool, Error> {
        let row = self
            .client
            .query_typed_one(
                statement::REVOKE,
                &[
                    (&role, Type::TEXT),
                    (&capability, Type::TEXT),
                    (&environment_id, Type::TEXT),
                ],
            )
            .await?;
        Ok(row.try_get("existed")?)
    }
}
