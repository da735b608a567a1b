//! The functions of rights.

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::{Engine, Error, statement};

impl<C: GenericClient> Engine<'_, C> {
    /// `engine_grant`: grants a role a capability, such as `work`, in an environment, or in all of them with `None`;
    /// returns whether the role did not have it. Only the owner of the extension may grant.
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
