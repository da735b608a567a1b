//! The connection of a command, and rows as documents.

use std::time::Duration;

use engine_client::{Connection, Database};
use serde_json::{Map, Value};
use tokio::time::timeout;
use tokio_postgres::types::{Json, ToSql, Type};

use crate::failure::Failure;

/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A row: every statement returns one document per row, which is what `--json` prints and tables are made of.
pub type Row = Map<String, Value>;

/// A value of a statement with its type: without it the server would be asked first, which a pooler in transaction mode
/// does not allow.
pub type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A connection to the database.
pub struct Session {
    connection: Connection,
}

impl Session {
    /// Connects.
    pub async fn open(database: &Database) -> Result<Self, Failure> {
        match timeout(PATIENCE, database.connect()).await {
            Ok(connected) => Ok(Self {
                connection: connected?,
            }),
            Err(_) => Err(Failure::Unanswered(PATIENCE)),
        }
    }

    /// The version of the extension. It is an error if its library and its catalog are not of the same one.
    pub async fn version(&self) -> Result<String, Failure> {
        Ok(self.connection.engine().version().await?)
    }

    /// The rows that a statement returns.
    pub async fn rows(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let client = self.connection.client();
        let rows = client.query_typed(statement, parameters).await?;
        rows.iter()
            .map(|row| {
                let Json(row) = row.try_get("row")?;
                Ok(row)
            })
            .collect()
    }

    /// The only row that a statement returns.
    pub async fn row(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<Row, Failure> {
        let rows = self.rows(statement, parameters).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }
}
