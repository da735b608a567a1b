//! Findings for operators.

use engine_core::check_patience;
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::OrRaise;
use crate::{api, store};

entries!(engine_doctor);

row! {
    /// A finding.
    FindingRow {
        weight: String,
        kind: String,
        subject: String,
        detail: String,
        hint: String,
        command: Option<String>,
        age_ms: Option<i64>,
    }
}

/// Returns what an operator should know, each finding with its weight, its cause and what mends it, and nothing if all is well.
///
/// The weight is `problem` where something is wrong or about to go wrong, else `advice`. `command` is a statement that mends it,
/// or the first step. What has been so for less than `patience_ms` is left out. It sees what its owner sees: sessions of all roles,
/// too.
///
/// # Errors
/// - `22023` if `patience_ms` is outside 0..=315360000000, ten years.
#[pg_extern(sql = false)]
fn engine_doctor(patience_ms: Option<i64>) -> Rows<FindingRow> {
    api::enter().or_raise();
    let patience_ms = check_patience(patience_ms.unwrap_or(30_000)).or_raise();
    let findings = store::doctor::findings(patience_ms);
    Rows::new(findings.into_iter().map(|finding| FindingRow {
        weight: finding.weight,
        kind: finding.kind,
        subject: finding.subject,
        detail: finding.detail,
        hint: finding.hint,
        command: finding.command,
        age_ms: finding.age_ms,
    }))
}
