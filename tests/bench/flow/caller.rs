//! The flows as the engine does them, in one call.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::kind::Flow;
use crate::load::Caller;

/// The remaining runs, each with its latest snapshot.
pub(super) type Left = Arc<Mutex<Vec<(String, String)>>>;

/// All runs of a stock, the next one last.
pub(super) async fn left(client: &Client, flow: Flow) -> Result<Left> {
    let is_ordered = flow == Flow::Requeue;
    let sql = include_str!("../sql/flow/left.sql");
    let rows = client.query(sql, &[&is_ordered]).await?;
    let pairs = rows.iter().rev().map(|row| (row.get(0), row.get(1)));
    Ok(Arc::new(Mutex::new(pairs.collect())))
}

pub(super) fn next(left: &Left) -> Option<(String, String)> {
    left.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

/// Does the flow with one run after the other.
pub(super) struct OneCall {
    client: Client,
    statement: Statement,
    status: &'static str,
    left: Left,
}

impl OneCall {
    pub(super) async fn new(client: Client, flow: Flow, left: Left) -> Result<Self> {
        Ok(Self {
            statement: client.prepare(flow.sql()).await?,
            client,
            status: flow.change().execution_status,
            left,
        })
    }
}

impl Caller for OneCall {
    async fn call(&mut self) -> Result<u64> {
        let Some((run_id, snapshot_id)) = next(&self.left) else {
            return Ok(0);
        };
        let arguments: [&(dyn ToSql + Sync); 2] = [&run_id, &snapshot_id];
        let taken = &arguments[..self.statement.params().len()];
        let row = self.client.query_one(&self.statement, taken).await?;
        let status: &str = row.get(0);
        ensure!(status == self.status, "{run_id} is {status}");
        Ok(1)
    }

    fn client(&self) -> &Client {
        &self.client
    }
}
