//! Batches, for tests.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::Session;

impl Session {
    /// Creates a batch; `arguments` is the text between the parentheses of `engine_create_batch`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn create_batch(&self, arguments: &str) -> Result<String> {
        let sql = format!("select batch_id from engine_create_batch({arguments})");
        Ok(self.client.query_one(&sql, &[]).await?.get(0))
    }

    /// Adds items to a batch: `index`, `run_id`, `enqueued`, `error_code`, `error_message` of each.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn add_to_batch(&self, batch_id: &str, items: Value) -> Result<Vec<Row>> {
        let sql = "select index, run_id, enqueued, error_code, error_message from engine_add_to_batch($1, $2)";
        let rows = self.client.query(sql, &[&batch_id, &Json(items)]).await?;
        Ok(rows)
    }

    /// `sealed`, `status`, `item_count` of `engine_seal_batch`.
    ///
    /// # Errors
    /// What the function raises.
    pub async fn seal_batch(&self, batch_id: &str) -> Result<(bool, String, i32)> {
        let sql = "select sealed, status, item_count from engine_seal_batch($1)";
        let row = self.client.query_one(sql, &[&batch_id]).await?;
        Ok((row.get(0), row.get(1), row.get(2)))
    }

    /// Status of a batch, from `engine_batch_data`.
    ///
    /// # Errors
    /// What the function raises, or if there is no such batch.
    pub async fn batch_status(&self, batch_id: &str) -> Result<Value> {
        Ok(self.batch(batch_id).await?["status"].clone())
    }

    /// The result of `engine_batch_data`.
    ///
    /// # Errors
    /// What the function raises, or if there is no such batch.
    pub async fn batch(&self, batch_id: &str) -> Result<Value> {
        let sql = "select engine_batch_data($1)";
        let row = self.client.query_one(sql, &[&batch_id]).await?;
        let data: Option<Json<Value>> = row.get(0);
        Ok(data.context("no such batch")?.0)
    }
}
