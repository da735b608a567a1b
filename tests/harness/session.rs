//! A session that speaks the words of the SQL contract, for tests.

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
    /// The run.
    pub run_id: String,
    /// The snapshot.
    pub snapshot_id: String,
}

/// What a completion led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// `attempt_status`.
    pub attempt_status: String,
    /// `execution_status`.
    pub execution_status: String,
    /// `run_status`.
    pub run_status: String,
    /// `attempt_number`.
    pub attempt_number: Option<i32>,
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

    /// Triggers a run with the arguments of `engine_trigger` as they stand between its parentheses.
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
        let sql = "select attempt_status, execution_status, run_status, attempt_number \
                   from engine_complete_attempt($1, $2, $3)";
        let arguments: [&(dyn ToSql + Sync); 3] =
            [&held.run_id, &held.snapshot_id, &Json(completion)];
        let row = self.client.query_one(sql, &arguments).await?;
        Ok(Completed {
            attempt_status: row.get(0),
            execution_status: row.get(1),
            run_status: row.get(2),
            attempt_number: row.get(3),
        })
    }

    /// `S` and `R` of the scenarios: execution status and run status of the latest snapshot, as
    /// `engine_execution_data` tells them.
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

    /// What `engine_execution_data` returns.
    ///
    /// # Errors
    /// What the function raises, or if there is no such run.
    pub async fn data(&self, run_id: &str) -> Result<Value> {
        let sql = "select engine_execution_data($1)";
        let row = self.client.query_one(sql, &[&run_id]).await?;
        let data: Option<Json<Value>> = row.get(0);
        Ok(data.context("no such run")?.0)
    }

    /// Calls `engine_tick`; gives the number of stalled runs that it recovered.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn tick(&self) -> Result<i32> {
        let sql = "select processed from engine_tick() where kind = 'stalled_heartbeat'";
        Ok(self.client.query_one(sql, &[]).await?.get(0))
    }

    /// Moves the clock for one run: its heartbeat deadline has passed.
    ///
    /// # Errors
    /// If the run has no deadline.
    pub async fn lapse(&self, run_id: &str) -> Result<()> {
        let sql = "update engine.heartbeat \
                   set check_at = now(), deadline_at = now() \
                   where run_id = $1";
        let moved = self.client.execute(sql, &[&run_id]).await?;
        anyhow::ensure!(moved == 1, "run {run_id} has no heartbeat deadline");
        Ok(())
    }

    /// Calls `engine_tick`; gives what it did of one kind.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn tick_of(&self, kind: &str) -> Result<i32> {
        let sql = "select processed from engine_tick() where kind = $1";
        Ok(self.client.query_one(sql, &[&kind]).await?.get(0))
    }

    /// Moves the clock for one run: the time that it waits for has come.
    ///
    /// # Errors
    /// If the run does not wait for one.
    pub async fn bring_on(&self, run_id: &str) -> Result<()> {
        let sql = "with timer as (update engine.timer set due_at = clock_timestamp() \
                                  where kind = 'END_DELAY' and id = $1) \
                   update engine.run set delay_until = clock_timestamp(), queue_timestamp = clock_timestamp() \
                   where id = $1 and delay_until is not null";
        let moved = self.client.execute(sql, &[&run_id]).await?;
        anyhow::ensure!(moved == 1, "run {run_id} waits for no time");
        Ok(())
    }

    /// Moves the clock for one run: its time to live has passed in its queue.
    ///
    /// # Errors
    /// If the run does not expire.
    pub async fn outlive(&self, run_id: &str) -> Result<()> {
        let sql = "update engine.queue_item set expires_at = clock_timestamp() \
                   where run_id = $1 and expires_at is not null";
        let moved = self.client.execute(sql, &[&run_id]).await?;
        anyhow::ensure!(moved == 1, "run {run_id} does not expire");
        Ok(())
    }

    /// The bodies of all events of one name, in their order.
    ///
    /// # Errors
    /// If the server refuses it.
    pub async fn events(&self, name: &str) -> Result<Vec<Value>> {
        // engine_events would wait for open transactions of other tests.
        let sql = "select body from engine.event where name = $1 order by position";
        let rows = self.client.query(sql, &[&name]).await?;
        Ok(rows
            .iter()
            .map(|row| row.get::<_, Json<Value>>(0).0)
            .collect())
    }

    /// Refuses a database that violates an invariant.
    ///
    /// # Errors
    /// If one is violated; the error says which.
    pub async fn check(&self) -> Result<()> {
        let sql =
            "select kind || ' ' || coalesce(run_id, '') || ': ' || detail from engine_check()";
        let rows = self.client.query(sql, &[]).await?;
        let violated: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        anyhow::ensure!(violated.is_empty(), "{}", violated.join("\n"));
        Ok(())
    }

    /// Moves the clock for one run: it may be claimed now.
    ///
    /// # Errors
    /// If the run is not queued.
    pub async fn make_due(&self, run_id: &str) -> Result<()> {
        let sql = "update engine.queue_item set available_at = clock_timestamp() where run_id = $1";
        let moved = self.client.execute(sql, &[&run_id]).await?;
        anyhow::ensure!(moved == 1, "run {run_id} is not queued");
        Ok(())
    }

    /// One number out of the tables.
    ///
    /// # Errors
    /// If the statement does not return one.
    pub async fn count(&self, what: &str) -> Result<i64> {
        let sql = format!("select count(*) from {what}");
        Ok(self.client.query_one(&sql, &[]).await?.get(0))
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
