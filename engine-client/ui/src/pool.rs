//! Connections: never more than a set number, each used for one transaction at a time, and with the role of its caller.

use std::sync::Mutex;
use std::time::Duration;

use engine_client::{Connection, Database};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Json, ToSql, Type};

use crate::fault::Fault;

/// Longest wait for a connection, and longest time to connect.
const PATIENCE: Duration = Duration::from_secs(5);

/// A value for a statement with its type: without it the driver would ask the server first, which a pooler in transaction
/// mode does not allow.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The connections of the dashboard.
pub(crate) struct Pool {
    database: Database,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
    /// Longest statement of a page.
    statement: Duration,
}

/// Whose transaction it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    /// The role that it acts as, if that is not the one of the connection.
    pub(crate) role: Option<String>,
    /// Who acts, if that is known; otherwise the role stands for them.
    pub(crate) user: Option<String>,
}

/// Whether a transaction may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Pool {
    pub(crate) fn new(database: Database, connections: usize, statement: Duration) -> Self {
        Self {
            database,
            permits: Semaphore::new(connections),
            idle: Mutex::default(),
            statement,
        }
    }

    /// Does `work` in a transaction of `caller`. Settings are of the transaction only, so that a pooler in transaction mode may be
    /// between.
    pub(crate) async fn transaction<T>(
        &self,
        caller: &Caller,
        access: Access,
        work: impl AsyncFnOnce(&Reader<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let permit = timeout(PATIENCE, self.permits.acquire()).await;
        let Ok(Ok(_permit)) = permit else {
            return Err(Fault::busy());
        };
        let connection = self.connection().await?;
        // A request that is given up drops the connection in the middle, and with it what it was about to do.
        let limit = self.statement * 4 + PATIENCE;
        let done = timeout(limit, async {
            let client = connection.client();
            let began = client.batch_execute(&self.beginning(caller, access)).await;
            let reader = Reader {
                connection: &connection,
            };
            let done = match began {
                Ok(()) => work(&reader).await,
                Err(error) => Err(of_beginning(error, access)),
            };
            match done {
                Ok(result) => {
                    client.batch_execute("commit").await?;
                    Ok(result)
                }
                Err(fault) => {
                    client.batch_execute("rollback").await?;
                    Err(fault)
                }
            }
        })
        .await;
        let Ok(done) = done else {
            return Err(Fault::unanswered(limit));
        };
        let is_sound = !connection.is_closed()
            && done
                .as_ref()
                .err()
                .is_none_or(|fault| !fault.is_of_connection());
        if is_sound && let Ok(mut idle) = self.idle.lock() {
            idle.push(connection);
        }
        done
    }

    async fn connection(&self) -> Result<Connection, Fault> {
        while let Some(connection) = self.idle.lock().ok().and_then(|mut idle| idle.pop()) {
            if !connection.is_closed() {
                return Ok(connection);
            }
        }
        match timeout(PATIENCE, self.database.connect()).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(Fault::unanswered(PATIENCE)),
        }
    }

    fn beginning(&self, caller: &Caller, access: Access) -> String {
        let mode = match access {
            Access::Read => "begin isolation level repeatable read, read only",
            Access::Write => "begin isolation level read committed, read write",
        };
        let timeout = self.statement.as_millis();
        let role = caller.role.as_deref().map_or_else(String::new, |role| {
            format!("; set local role {}", quoted(role))
        });
        let user = caller.user.as_deref();
        let actor = user.map_or_else(|| "current_user".to_owned(), literal);
        // For the audit.
        let actor = match access {
            Access::Read => String::new(),
            Access::Write => format!("; select set_config('engine.actor', {actor}, true)"),
        };
        // A page takes one core of the server, however large the tables are; its statements take milliseconds, and compiling one
        // takes a hundred.
        format!(
            "{mode}; set local statement_timeout = {timeout}; set local timezone = 'UTC'; \
             set local max_parallel_workers_per_gather = 0; set local jit = off{role}{actor}"
        )
    }
}

/// What keeps a transaction from beginning: a standby begins none that may write.
fn of_beginning(error: tokio_postgres::Error, access: Access) -> Fault {
    let is_refused = error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED);
    if access == Access::Write && is_refused {
        Fault::standby()
    } else {
        error.into()
    }
}

/// An identifier of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text of SQL, whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A transaction under way.
pub(crate) struct Reader<'a> {
    connection: &'a Connection,
}

impl Reader<'_> {
    /// The rows of a statement, whose only column `row` is a document.
    pub(crate) async fn rows<T: DeserializeOwned>(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<T>, Fault> {
        let rows = self
            .connection
            .client()
            .query_typed(statement, parameters)
            .await?;
        rows.iter()
            .map(|row| {
                let row = row.try_get::<_, Option<Json<serde_json::Value>>>("row")?;
                Ok(serde_json::from_value(
                    row.map_or(serde_json::Value::Null, |Json(row)| row),
                )?)
            })
            .collect()
    }

    /// The first row of a statement, if it has any.
    pub(crate) async fn row<T: DeserializeOwned>(
        &self,
        statement: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Option<T>, Fault> {
        Ok(self.rows(statement, parameters).await?.into_iter().next())
    }

    /// The functions of the engine in this transaction.
    pub(crate) fn engine(&self) -> engine_client::Engine<'_, tokio_postgres::Client> {
        self.connection.engine()
    }
}
