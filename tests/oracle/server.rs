//! The real engine: calls through one session, and the clock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use engine_core::Timestamp;
use engine_harness::{Database, Session};
use serde_json::Value;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Error, Row, Statement};

use crate::answer::{Answer, Refused};

/// A database of its own, and the session that calls.
pub struct Server {
    session: Session,
    statements: RefCell<HashMap<&'static str, Statement>>,
}

impl Server {
    /// A fresh database with these settings, and what `script` writes.
    ///
    /// # Errors
    /// If the server refuses any of it.
    pub async fn fresh(settings: &[(&str, &str)], script: &str) -> Result<Self> {
        let database = Database::fresh().await?;
        for (setting, value) in settings {
            database.set(setting, value).await?;
        }
        let session = Session::open(&database).await?;
        // Cancelled runs ended at a moment of the past: their removal, whenever it comes, is not the oracle's business.
        let keep = "select engine_set_retention(keep => null)";
        session.client.batch_execute(keep).await?;
        session.client.batch_execute(script).await?;
        Ok(Self {
            session,
            statements: RefCell::default(),
        })
    }

    /// Runs `sql`, whose rows have one column, JSON; a refusal by the engine is an answer.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn call(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Answer> {
        match self.query(sql, arguments).await {
            Ok(rows) => {
                let json = |row: &Row| row.get::<_, Json<Value>>(0).0;
                Ok(Ok(rows.iter().map(json).collect()))
            }
            Err(error) => {
                let error = error.as_db_error().context(error.to_string())?;
                Ok(Err(Refused {
                    code: error.code().code().to_owned(),
                    message: error.message().to_owned(),
                }))
            }
        }
    }

    /// Runs `sql`, prepared once.
    ///
    /// # Errors
    /// What the server raises.
    pub async fn query(
        &self,
        sql: &'static str,
        arguments: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let known = self.statements.borrow().get(sql).cloned();
        let statement = match known {
            Some(statement) => statement,
            None => {
                let statement = self.session.client.prepare(sql).await?;
                self.statements.borrow_mut().insert(sql, statement.clone());
                statement
            }
        };
        self.session.client.query(&statement, arguments).await
    }

    /// Deletes all runs: otherwise statements that read every run become slow.
    ///
    /// # Errors
    /// What the server raises.
    pub async fn clear(&self) -> Result<()> {
        let sql = "truncate engine.run, engine.run_state, engine.failure, engine.snapshot, engine.queue_item, engine.lane, \
                   engine.release, engine.heartbeat, engine.notice, engine.timer, engine.edge, engine.waitpoint, engine.waitpoint_history";
        Ok(self.session.client.batch_execute(sql).await?)
    }
}

/// A moment as Postgres sends it.
pub fn moment(time: SystemTime) -> Timestamp {
    let micros = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()),
        Err(until) => i64::try_from(until.duration().as_micros()).map(|micros| -micros),
    };
    Timestamp::from_unix_micros(micros.unwrap_or(i64::MAX))
}

/// The present moment; the server is on the same machine and reads the same clock.
pub fn now() -> Timestamp {
    moment(SystemTime::now())
}
