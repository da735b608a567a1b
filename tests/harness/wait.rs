//! Waits, for tests: waitpoints, blocks, checkpoints, continuations.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio_postgres::types::Json;

use crate::{Held, Session};

/// The result of `engine_block`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The run with its latest snapshot.
    pub held: Held,
    /// `execution_status`.
    pub execution_status: String,
    /// `run_status`.
    pub run_status: String,
    /// `pending_count`.
    pub pending_count: i32,
}

/// The result of `engine_unblock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continued {
    /// `status`.
    pub status: String,
    /// `reason`.
    pub reason: Option<String>,
    /// `execution_status`.
    pub execution_status: String,
}

impl Session {
    /// Triggers a run of `task`, dequeues it, and starts it: an executing run.
    ///
    /// # Errors
    /// What the functions raise, or if another run came first.
    pub async fn executing(&self, task: &str) -> Result<Held> {
        let run = self.trigger(task).await?;
        let held = self.take().await?;
        anyhow::ensure!(held.run_id == run.run_id, "another run came first");
        Ok(held)
    }

    /// Creates a token.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn token(&self) -> Result<String> {
        let sql = "select waitpoint_id from engine_create_manual_waitpoint()";
        Ok(self.client.query_one(sql, &[]).await?.get(0))
    }

    /// Creates a waitpoint that is due in `ms` milliseconds.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn due_in(&self, ms: i32) -> Result<String> {
        let sql = "select waitpoint_id \
                   from engine_create_datetime_waitpoint(clock_timestamp() + $1 * interval '1 millisecond')";
        Ok(self.client.query_one(sql, &[&f64::from(ms)]).await?.get(0))
    }

    /// Makes a run wait.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn block(&self, run_id: &str, waitpoint_ids: &[&str]) -> Result<Blocked> {
        let sql = "select run_id, snapshot_id, execution_status, run_status, pending_count \
                   from engine_block($1, $2)";
        let row = self
            .client
            .query_one(sql, &[&run_id, &waitpoint_ids])
            .await?;
        Ok(Blocked {
            held: Held {
                run_id: row.get(0),
                snapshot_id: row.get(1),
            },
            execution_status: row.get(2),
            run_status: row.get(3),
            pending_count: row.get(4),
        })
    }

    /// Completes a waitpoint without an output.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn complete_waitpoint(&self, waitpoint_id: &str) -> Result<()> {
        let sql = "select status from engine_complete_waitpoint($1)";
        self.client.query_one(sql, &[&waitpoint_id]).await?;
        Ok(())
    }

    /// Checks whether a run continues.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn unblock(&self, run_id: &str) -> Result<Continued> {
        let sql = "select status, reason, execution_status from engine_unblock($1)";
        let row = self.client.query_one(sql, &[&run_id]).await?;
        Ok(Continued {
            status: row.get(0),
            reason: row.get(1),
            execution_status: row.get(2),
        })
    }

    /// Stores a checkpoint of a run, with `reason`; returns the suspended run.
    ///
    /// # Errors
    /// What the function raises, or if the checkpoint was discarded.
    pub async fn suspend(&self, held: &Held, reason: &str) -> Result<Held> {
        let row = self.checkpoint(held, reason).await?;
        anyhow::ensure!(row.0, "discarded: {:?}", row.1);
        Ok(Held {
            run_id: held.run_id.clone(),
            snapshot_id: row.2,
        })
    }

    /// Stores a checkpoint of a run: `ok`, `error`, `snapshot_id`, `execution_status`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn checkpoint(
        &self,
        held: &Held,
        reason: &str,
    ) -> Result<(bool, Option<String>, String, String)> {
        let sql = "select ok, error, snapshot_id, execution_status \
                   from engine_create_checkpoint($1, $2, 'DOCKER', 'test-location', 'test-image-ref', $3)";
        let row = self
            .client
            .query_one(sql, &[&held.run_id, &held.snapshot_id, &reason])
            .await?;
        Ok((row.get(0), row.get(1), row.get(2), row.get(3)))
    }

    /// Continues a run that was dequeued with a checkpoint.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn resume(&self, held: &Held) -> Result<Held> {
        let sql = "select run_id, snapshot_id from engine_continue($1, $2)";
        let row = self
            .client
            .query_one(sql, &[&held.run_id, &held.snapshot_id])
            .await?;
        Ok(Held {
            run_id: row.get(0),
            snapshot_id: row.get(1),
        })
    }

    /// The result of `engine_waitpoint_data`.
    ///
    /// # Errors
    /// What the function raises, or if there is no such waitpoint.
    pub async fn waitpoint(&self, waitpoint_id: &str) -> Result<Value> {
        let sql = "select engine_waitpoint_data($1)";
        let row = self.client.query_one(sql, &[&waitpoint_id]).await?;
        let data: Option<Json<Value>> = row.get(0);
        Ok(data.context("no such waitpoint")?.0)
    }

    /// Number of a run's edges.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn edges(&self, run_id: &str) -> Result<i64> {
        self.count(&format!("engine.edge where run_id = '{run_id}'"))
            .await
    }

    /// Execution status of the latest snapshot.
    ///
    /// # Errors
    /// What the function raises, or if there is no such run.
    pub async fn execution_status(&self, run_id: &str) -> Result<String> {
        Ok(self.status(run_id).await?.0)
    }

    /// Makes all timers due.
    ///
    /// # Errors
    /// If the session is gone.
    pub async fn lapse_timers(&self) -> Result<()> {
        let sql = "update engine.timer set due_at = clock_timestamp()";
        self.client.execute(sql, &[]).await?;
        Ok(())
    }
}
