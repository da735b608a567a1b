//! Failures by task and error.

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::fault::Fault;
use crate::moment::Moment;
use crate::pool::Reader;
use crate::series::Series;

const COUNT: &str = include_str!("sql/failure_count.sql");
const LIST: &str = include_str!("sql/failure_list.sql");

const HOUR_MS: i64 = 3_600_000;

/// Failures that have a task and an error in common.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Kind {
    pub(crate) task: String,
    /// The type or code of the error.
    pub(crate) kind: String,
    /// The latest error's first line.
    pub(crate) text: String,
    pub(crate) count: i64,
    pub(crate) first: Moment,
    pub(crate) last: Moment,
    /// The run that failed last.
    pub(crate) latest: String,
    /// How many are dead letters.
    pub(crate) dead: i64,
    pub(crate) statuses: Vec<String>,
    pub(crate) versions: Option<Vec<String>>,
    pub(crate) queues: Vec<String>,
    /// How many concurrency keys they have.
    pub(crate) keys: i64,
    pub(crate) shortest_ms: i64,
    pub(crate) longest_ms: i64,
    minutes: Vec<Moment>,
}

impl Kind {
    /// Failures per minute.
    pub(crate) fn series(&self, now: Moment) -> Series {
        let mut series = Series::empty(now);
        for minute in &self.minutes {
            series.add(*minute, 1);
        }
        series
    }
}

/// The failures since a time back, of a filter.
pub(crate) struct Scope<'a> {
    pub(crate) back_ms: i64,
    pub(crate) environment: Option<&'a str>,
    pub(crate) task: Option<&'a str>,
    pub(crate) queue: Option<&'a str>,
}

impl Scope<'_> {
    /// The failures of the last hour.
    pub(crate) fn hour(environment: Option<&str>) -> Scope<'_> {
        Scope {
            back_ms: HOUR_MS,
            environment,
            task: None,
            queue: None,
        }
    }
}

/// Kinds of failures, those with most runs first.
pub(crate) async fn kinds(reader: &Reader<'_>, scope: &Scope<'_>) -> Result<Vec<Kind>, Fault> {
    let parameters = [
        (&scope.back_ms as _, Type::INT8),
        (&scope.environment as _, Type::TEXT),
        (&scope.task as _, Type::TEXT),
        (&scope.queue as _, Type::TEXT),
    ];
    reader.rows(LIST, &parameters).await
}

/// How many runs failed in the last hour.
pub(crate) async fn count(reader: &Reader<'_>) -> Result<i64, Fault> {
    Ok(reader
        .row(COUNT, &[(&HOUR_MS, Type::INT8)])
        .await?
        .unwrap_or_default())
}
