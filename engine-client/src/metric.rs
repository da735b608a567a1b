//! Figures for monitoring.

use std::collections::BTreeMap;

use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::Error;

/// A figure for a monitoring system: a row of `engine_metrics`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, such as `engine_queue_due`.
    pub name: String,
    /// Whether it only grows; all others are gauges.
    pub is_counter: bool,
    /// What it counts or measures.
    pub help: String,
    /// What it is a figure of, such as `queue` and `environment`.
    pub labels: BTreeMap<String, String>,
    /// The figure.
    pub value: f64,
}

impl Metric {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        let kind: &str = row.try_get("kind")?;
        let Json(labels) = row.try_get("labels")?;
        Ok(Self {
            name: row.try_get("name")?,
            is_counter: kind == "counter",
            help: row.try_get("help")?,
            labels,
            value: row.try_get("value")?,
        })
    }
}
