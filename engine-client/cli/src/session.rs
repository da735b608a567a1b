//! The connection of a command, rows as documents, and transactions in which somebody acts.

use std::env;
use std::time::Duration;

use engine_client::{Connection, Database, Metric};
use tokio::time::{sleep, timeout};
use tokio_postgres::types::{Json, ToSql, Type};

use crate::failure::Failure;
use crate::table::Row;

/// Longest time to connect.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause between two attempts to reconnect.
const PAUSE: Duration = Duration::from_millis(500);

/// Names who acts, for the audit: $1 text as the user wants to be named, $2 text as the system names the user; each may be null.
/// $3 boolean whether only until the end of the transaction.
const NAME_ACTOR: &str = "select set_config('engine.actor', coalesce(\
    nullif($1, ''), nullif(current_setting('engine.actor', true), ''), nullif($2, ''), current_user), $3)";

/// A value for a statement with its type: without it the driver would ask the server first, which a pooler in
/// transaction mode does not allow.
pub type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A connection to the database.
pub struct Session {
    database: Database,
    connection: Connection,
}

impl Session {
    /// Connects.
    pub async fn open(database: Database) -> Result<Self, Failure> {
        let connection = connect(&database).await?;
        Ok(Self {
            database,
            connection,
        })
    }

    /// Reconnects after a temporary failure, such as a restart of the server, however long that takes. Any other
    /// failure is returned.
    pub async fn recover(&mut self, failure: Failure) -> Result<(), Failure> {
        let mut failure = failure;
        while failure.is_passing() {
            sleep(PAUSE).await;
            match connect(&self.database).await {
                Ok(connection) => {
                    self.connection = connection;
                    return Ok(());
                }
                Err(next) => failure = next,
            }
        }
        Err(failure)
    }

    /// The version of the extension. It is an error if its library and its catalog differ in version.
    pub async fn version(&self) -> Result<String, Failure> {
        Ok(self.connection.engine().version().await?)
    }

    /// The figures for monitoring.
    pub async fn metrics(&self) -> Result<Vec<Metric>, Failure> {
        Ok(self.connection.engine().metrics().await?)
    }

    /// Connects again.
    pub async fn reconnect(&mut self) -> Result<(), Failure> {
        self.connection = connect(&self.database).await?;
        Ok(())
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

    /// The rows that a statement returns that acts: the audit learns who does.
    pub async fn act(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Failure> {
        self.begin().await?;
        let done = self.rows(statement, parameters).await;
        let end = if done.is_ok() { "commit" } else { "rollback" };
        match (done, self.batch(end).await) {
            (Ok(_), Err(failure)) | (Err(failure), _) => Err(failure),
            (Ok(rows), Ok(())) => Ok(rows),
        }
    }

    /// The only row of such a statement.
    pub async fn act_once(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Row, Failure> {
        let rows = self.act(statement, parameters).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// Begins a transaction in which somebody acts.
    pub async fn begin(&self) -> Result<(), Failure> {
        self.batch("begin").await?;
        self.name_actor(true).await
    }

    /// Names who acts in all of this session, which no pooler may share.
    pub async fn act_throughout(&self) -> Result<(), Failure> {
        self.name_actor(false).await
    }

    async fn name_actor(&self, is_local: bool) -> Result<(), Failure> {
        let (wanted, known) = (env::var("ENGINE_ACTOR").ok(), env::var("USER").ok());
        let parameters = [
            (&wanted as _, Type::TEXT),
            (&known as _, Type::TEXT),
            (&is_local as _, Type::BOOL),
        ];
        self.execute(NAME_ACTOR, &parameters).await.map(drop)
    }

    /// Runs a statement; returns how many rows it has written.
    pub async fn execute(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<u64, Failure> {
        let client = self.connection.client();
        Ok(client.execute_typed(statement, parameters).await?)
    }

    /// Runs commands that have no parameters.
    pub async fn batch(&self, commands: &str) -> Result<(), Failure> {
        Ok(self.connection.client().batch_execute(commands).await?)
    }

    /// The only row that a statement returns.
    pub async fn row(&self, statement: &str, parameters: &[Parameter<'_>]) -> Result<Row, Failure> {
        let rows = self.rows(statement, parameters).await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }
}

async fn connect(database: &Database) -> Result<Connection, Failure> {
    match timeout(PATIENCE, database.connect()).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(Failure::Unanswered(PATIENCE)),
    }
}
