//! Findings for operators.

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(DOCTOR, "doctor.sql", with_bitmaps, reading_everything);

/// A finding.
pub(crate) struct Finding {
    pub(crate) weight: String,
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
    pub(crate) hint: String,
    pub(crate) command: Option<String>,
    pub(crate) age_ms: Option<i64>,
}

/// Findings that have lasted for at least `patience_ms`, or for an unknown time; problems first.
pub(crate) fn findings(patience_ms: i64) -> Vec<Finding> {
    DOCTOR.query(arguments!(DOCTOR { patience_ms }), |cells| Finding {
        weight: cell!(cells, DOCTOR.weight),
        kind: cell!(cells, DOCTOR.kind),
        subject: cell!(cells, DOCTOR.subject),
        detail: cell!(cells, DOCTOR.detail),
        hint: cell!(cells, DOCTOR.hint),
        command: cell!(cells, DOCTOR.command),
        age_ms: cell!(cells, DOCTOR.age_ms),
    })
}
