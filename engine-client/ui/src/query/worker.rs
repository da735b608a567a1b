//! Workers and their versions.

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;

const WORKERS: &str = include_str!("sql/worker_list.sql");
const VERSIONS: &str = include_str!("sql/version_list.sql");

/// A process that holds runs, or is ready to.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Worker {
    /// Its name, if it gave one.
    pub(crate) worker: Option<String>,
    /// The name of what it belongs to, such as a deployment.
    pub(crate) group: Option<String>,
    pub(crate) runs: i64,
    /// How many it holds at once, at most, if it has told.
    pub(crate) capacity: Option<i64>,
    /// Runs whose deadline has passed.
    pub(crate) late: i64,
    pub(crate) beat_ms: i64,
    pub(crate) left_ms: i64,
    pub(crate) longest_ms: Option<i64>,
    pub(crate) worker_queues: Vec<String>,
    pub(crate) versions: Option<Vec<String>>,
}

/// A version of a worker.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Version {
    pub(crate) environment_id: String,
    pub(crate) version: String,
    pub(crate) is_current: bool,
    pub(crate) is_registered: bool,
    pub(crate) registered_at: Option<Moment>,
    pub(crate) tasks: Option<i64>,
    /// Runs that wait for it.
    pub(crate) waiting: i64,
    /// Runs of it that ended of late, and how many of them failed.
    pub(crate) ended: i64,
    pub(crate) failed: i64,
}

pub(crate) async fn workers(
    reader: &Reader<'_>,
    environment: Option<&str>,
) -> Result<Vec<Worker>, Fault> {
    reader.rows(WORKERS, &[(&environment, Type::TEXT)]).await
}

pub(crate) async fn versions(
    reader: &Reader<'_>,
    environment: Option<&str>,
) -> Result<Vec<Version>, Fault> {
    reader.rows(VERSIONS, &[(&environment, Type::TEXT)]).await
}
