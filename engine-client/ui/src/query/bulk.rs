//! Bulk operations.

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio_postgres::types::{Json, Type};

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const LIST: &str = include_str!("sql/bulk_list.sql");
const RUNNING: &str = include_str!("sql/bulk_running.sql");
const LOOK: &str = include_str!("sql/bulk_look.sql");
const START: &str = include_str!("sql/bulk_start.sql");
const STOP: &str = include_str!("sql/bulk_stop.sql");

/// A bulk operation.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Bulk {
    pub(crate) bulk_id: String,
    pub(crate) action: String,
    pub(crate) filter: Map<String, Value>,
    /// What it was told besides its runs.
    pub(crate) options: Map<String, Value>,
    pub(crate) reason: Option<String>,
    pub(crate) state: String,
    pub(crate) created_by: String,
    pub(crate) created_at: Moment,
    pub(crate) total: i64,
    pub(crate) done: i64,
    pub(crate) skipped: i64,
    pub(crate) refused: i64,
    /// How many were refused, by SQLSTATE.
    pub(crate) refused_by: Option<Map<String, Value>>,
    pub(crate) finished_at: Option<Moment>,
}

impl Bulk {
    pub(crate) fn is_running(&self) -> bool {
        self.state == "RUNNING"
    }

    /// Runs that it has looked at.
    pub(crate) fn seen(&self) -> i64 {
        self.done + self.skipped + self.refused
    }

    /// Runs that it has not looked at yet.
    pub(crate) fn left(&self) -> i64 {
        (self.total - self.seen()).max(0)
    }
}

/// What a bulk operation would do.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Look {
    pub(crate) count: i64,
    pub(crate) is_exact: bool,
    /// How many runs there are, by status.
    pub(crate) statuses: Option<Map<String, Value>>,
    pub(crate) oldest_at: Option<Moment>,
    pub(crate) newest_at: Option<Moment>,
    /// Some of the runs.
    pub(crate) samples: Option<Value>,
}

/// Bulk operations, the newest first; or the one of an id.
pub(crate) async fn list(reader: &Reader<'_>, bulk_id: Option<&str>) -> Result<Vec<Bulk>, Fault> {
    reader.rows(LIST, &[(&bulk_id, Type::TEXT)]).await
}

/// How many are under way.
pub(crate) async fn running(reader: &Reader<'_>) -> Result<i64, Fault> {
    Ok(reader.row(RUNNING, &[]).await?.unwrap_or_default())
}

/// An action on the runs of a filter.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) action: &'a str,
    pub(crate) filter: Map<String, Value>,
    /// What it is told besides its runs, if it needs that.
    pub(crate) options: Option<Map<String, Value>>,
}

/// What it would do.
pub(crate) async fn look(reader: &Reader<'_>, request: &Request<'_>) -> Result<Look, Fault> {
    let parameters = [
        (&request.action as _, Type::TEXT),
        (&Json(&request.filter) as _, Type::JSONB),
        (&request.options.as_ref().map(Json) as _, Type::JSONB),
    ];
    let look = reader.row(LOOK, &parameters).await?;
    look.ok_or_else(|| Fault::missing("the database says nothing of that"))
}

/// Starts it, and returns its id.
pub(crate) async fn start(
    reader: &Reader<'_>,
    request: &Request<'_>,
    reason: &str,
    expected: i64,
) -> Result<String, Fault> {
    let parameters = [
        (&request.action as _, Type::TEXT),
        (&Json(&request.filter) as _, Type::JSONB),
        (&reason as _, Type::TEXT),
        (&expected as _, Type::INT8),
        (&request.options.as_ref().map(Json) as _, Type::JSONB),
    ];
    let started = reader.row::<Option<String>>(START, &parameters).await?;
    started
        .flatten()
        .ok_or_else(|| Fault::missing("nothing was started"))
}

/// Stops an operation.
pub(crate) async fn stop(reader: &Reader<'_>, bulk_id: &str) -> Result<(), Fault> {
    reader
        .row::<bool>(STOP, &[(&bulk_id, Type::TEXT)])
        .await
        .map(drop)
}
