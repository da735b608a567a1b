//! Findings for operators.

use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::fault::Fault;
use crate::pool::Reader;

const DOCTOR: &str = include_str!("sql/doctor.sql");

/// Findings that are read.
pub(crate) const MOST: i64 = 100;

/// A finding.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Finding {
    weight: String,
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
    pub(crate) hint: String,
    pub(crate) command: Option<String>,
    pub(crate) age_ms: Option<i64>,
}

impl Finding {
    pub(crate) fn is_problem(&self) -> bool {
        self.weight == "problem"
    }
}

/// What the doctor finds, problems first, as much as a page shows.
pub(crate) async fn findings(reader: &Reader<'_>) -> Result<Vec<Finding>, Fault> {
    reader.rows(DOCTOR, &[(&MOST, Type::INT8)]).await
}
