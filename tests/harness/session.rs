//! A session with a method for each SQL function, for tests.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Client, Row};

use crate::Database;

/// A connection of a superuser to a test's database.
pub struct Session {
    /// The connection itself.
    pub client: Client,
}

/// A run and a snapshot of it: what a worker holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The run's id.
    pub run_id: String,
    /// The snapshot's id.
    pub snapshot_id: String,
}

/// The result of a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The run and its latest snapshot.
    pub latest: Held,
    /// `attempt_status`.
    pub attempt_status: String,
    /// `execution_status`.
    pub execution_status: String,
    /// `run_status`.
    pub run_status: String,
    /// `attempt_number`.
    pub attempt_number: Option<i32>,
}

/// The result of a cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// The run and its latest snapshot.
    pub latest: Held,
    /// `execution_status`.
    pub execution_status: String,
    /// `run_status`.
    pub run_status: String,
    /// `already_finished`.
    pub already_finished: bool,
}

/// An error as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// SQLSTATE.
    pub code: String,
    /// Primary message.
    pub message: String,
    /// DETAIL.
    pub detail: String,
    /// HINT.
    pub hint: String,
}

impl Held {
    fn from_row(row: &Row) -> Self {
        Self {
            run_id: row.get("run_id"),
            snapshot_id: row.get("snapshot_id"),
        }
    }
}

impl Session {
    /// Opens a session.
    ///
    /// # Errors
    /// If the server refuses it.
    pub async fn open(database: &Database) -> Result<Self> {
        Ok(Self {
            client: database.connect().await?,
        })
    }

    /// Triggers a run of `task`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn trigger(&self, task: &str) -> Result<Held> {
        self.trigger_with(&format!("'{task}'")).await
    }

    /// Triggers a run; `arguments` is the text between the parentheses of `engine_trigger`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn trigger_with(&self, arguments: &str) -> Result<Held> {
        let sql = format!("select run_id, snapshot_id from engine_trigger({arguments})");
        Ok(Held::from_row(&self.client.query_one(&sql, &[]).await?))
    }

    /// Dequeues one run of the worker queue `main`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn dequeue(&self) -> Result<Option<Held>> {
        Ok(self.dequeue_many(1).await?.pop())
    }

    /// Dequeues up to `max_runs` runs of the worker queue `main`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn dequeue_many(&self, max_runs: i32) -> Result<Vec<Held>> {
        let sql = "select run_id, snapshot_id from engine_dequeue(max_runs => $1)";
        let rows = self.client.query(sql, &[&max_runs]).await?;
        Ok(rows.iter().map(Held::from_row).collect())
    }

    /// Starts the next attempt of a run.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn start(&self, held: &Held) -> Result<Held> {
        let sql = "select run_id, snapshot_id from engine_start_attempt($1, $2)";
        let row = self
            .client
            .query_one(sql, &[&held.run_id, &held.snapshot_id])
            .await?;
        Ok(Held::from_row(&row))
    }

    /// Dequeues one run and starts it.
    ///
    /// # Errors
    /// What the functions raise, or if nothing is queued.
    pub async fn take(&self) -> Result<Held> {
        let held = self.dequeue().await?.context("nothing is queued")?;
        self.start(&held).await
    }

    /// Completes an attempt.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn complete(&self, held: &Held, completion: Value) -> Result<Completed> {
        let sql = "select attempt_status, execution_status, run_status, attempt_number, run_id, snapshot_id \
                   from engine_complete_attempt($1, $2, $3)";
        let arguments: [&(dyn ToSql + Sync); 3] =
            [&held.run_id, &held.snapshot_id, &Json(completion)];
        let row = self.client.query_one(sql, &arguments).await?;
        Ok(Completed {
            latest: Held::from_row(&row),
            attempt_status: row.get(0),
            execution_status: row.get(1),
            run_status: row.get(2),
            attempt_number: row.get(3),
        })
    }

    /// `S` and `R` of the scenarios: execution status and run status of the latest snapshot, as
    /// `engine_execution_data` returns them.
    ///
    /// # Errors
    /// What the function raises, or if there is no such run.
    pub async fn status(&self, run_id: &str) -> Result<(String, String)> {
        let data = self.data(run_id).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok((
            text(&data["snapshot"]["executionStatus"]),
            text(&data["run"]["status"]),
        ))
    }

    /// The result of `engine_execution_data`.
    ///
    /// # Errors
    /// What the function raises, or if there is no such run.
    pub async fn data(&self, run_id: &str) -> Result<Value> {
        let sql = "select engine_execution_data($1)";
        let row = self.client.query_one(sql, &[&run_id]).await?;
        let data: Option<Json<Value>> = row.get(0);
        Ok(data.context("no such run")?.0)
    }

    /// Cancels a run; `arguments` is the text between the parentheses of `engine_cancel`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn cancel(&self, arguments: &str) -> Result<Cancelled> {
        let sql = format!(
            "select run_id, snapshot_id, execution_status, run_status, already_finished \
             from engine_cancel({arguments})"
        );
        let row = self.client.query_one(&sql, &[]).await?;
        Ok(Cancelled {
            latest: Held::from_row(&row),
            execution_status: row.get(2),
            run_status: row.get(3),
            already_finished: row.get(4),
        })
    }

    /// Calls `engine_tick`; returns the number of stalled runs that it recovered.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn tick(&self) -> Result<i32> {
        self.tick_of("stalled_heartbeat").await
    }

    /// Calls `engine_tick`; returns how much of a kind it did.
    ///
    /// # Errors
    /// What the function raises, or if there is no such kind.
    pub async fn tick_of(&self, kind: &str) -> Result<i32> {
        let sql = "select processed from engine_tick() where kind = $1";
        Ok(self.client.query_one(sql, &[&kind]).await?.get(0))
    }

    /// Inserts a queue item for a run, which the engine would not do.
    ///
    /// # Errors
    /// If the run has one.
    pub async fn put_stray(&self, run_id: &str) -> Result<()> {
        let sql = "insert into engine.queue_item \
                       (shard, run_id, worker_queue, environment_id, queue, concurrency_key, available_at, is_ahead) \
                   select shard, id, worker_queue, environment_id, queue, coalesce(concurrency_key, ''), created_at, true \
                   from engine.run where id = $1";
        self.client.execute(sql, &[&run_id]).await?;
        Ok(())
    }

    /// One number from the tables.
    ///
    /// # Errors
    /// If the statement does not return one.
    pub async fn count(&self, what: &str) -> Result<i64> {
        let sql = format!("select count(*) from {what}");
        Ok(self.client.query_one(&sql, &[]).await?.get(0))
    }

    /// The rows of a function, as JSON.
    ///
    /// # Errors
    /// If the call is refused.
    pub async fn rows_of(&self, call: &str) -> Result<Vec<Value>> {
        let sql = format!("select to_jsonb(a) from {call} as a");
        let rows = self.client.query(&sql, &[]).await?;
        Ok(rows
            .iter()
            .map(|row| row.get::<_, Json<Value>>(0).0)
            .collect())
    }

    /// Runs `sql`, which must be refused.
    ///
    /// # Errors
    /// If it is not, or not by the server.
    pub async fn refused(&self, sql: &str) -> Result<Refused> {
        let Err(error) = self.client.query(sql, &[]).await else {
            anyhow::bail!("not refused: {sql}");
        };
        let error = error.as_db_error().context("not an error of the server")?;
        Ok(Refused {
            code: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().unwrap_or_default().to_owned(),
            hint: error.hint().unwrap_or_default().to_owned(),
        })
    }
}
