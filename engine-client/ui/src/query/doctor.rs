//! Findings for operators.

use serde::Deserialize;

use crate::fault::Fault;
use crate::pool::Reader;

const DOCTOR: &str = include_str!("sql/doctor.sql");

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

/// What the doctor finds, problems first.
pub(crate) async fn findings(reader: &Reader<'_>) -> Result<Vec<Finding>, Fault> {
    reader.rows(DOCTOR, &[]).await
}
