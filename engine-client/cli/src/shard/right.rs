//! What roles may do: grants are about the roles of one server, and go to another one by their names.

use serde_json::Value;
use tokio_postgres::types::{Json, Type};

use crate::failure::Failure;
use crate::form;
use crate::session::Session;
use crate::statement;

/// Grants of a database.
pub(super) struct Rights(Value);

impl Rights {
    /// Those in these environments; `*` stands for all.
    pub(super) async fn of(session: &Session, environment_ids: &[String]) -> Result<Self, Failure> {
        let parameters = [(&environment_ids as _, Type::TEXT_ARRAY)];
        let mut row = session.row(statement::SHARD_GRANT, &parameters).await?;
        Ok(Self(row.remove("grants").unwrap_or_default()))
    }

    /// Refuses a server that lacks a role.
    pub(super) async fn check_roles(&self, there: &Session) -> Result<(), Failure> {
        let parameters = [(&Json(&self.0) as _, Type::JSONB)];
        let missing = there.rows(statement::SHARD_GRANT_ROLE, &parameters).await?;
        let Some(first) = missing.first() else {
            return Ok(());
        };
        Err(Failure::refused(
            format!(
                "the other server lacks {} roles that have grants here, one of them {}",
                missing.len(),
                form::text(&first["role"])
            ),
            "Create them there, or take the grants back here: select engine_revoke(…).",
        ))
    }

    /// Grants the same in another database.
    pub(super) async fn grant(&self, there: &Session) -> Result<(), Failure> {
        let parameters = [(&Json(&self.0) as _, Type::JSONB)];
        there.row(statement::SHARD_GRANT_ADD, &parameters).await?;
        Ok(())
    }
}
