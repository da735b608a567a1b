//! Invariants.

use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::OrRaise;
use crate::{api, store};

entries!(engine_check);

row! {
    /// A violated invariant.
    ViolationRow {
        kind: String,
        run_id: Option<String>,
        detail: String,
    }
}

/// Returns one row per violated invariant, and none if the database is healthy.
///
/// It compares every run with its latest snapshot, its queue item, its slot, its deadline and its edges, and every batch
/// with its runs, in one snapshot of the database, and changes nothing: violations should be reported. It reads all runs.
#[pg_extern(sql = false)]
fn engine_check() -> Rows<ViolationRow> {
    api::enter().or_raise();
    let violations = store::check::violations();
    Rows::new(violations.into_iter().map(|violation| ViolationRow {
        kind: violation.kind,
        run_id: violation.run_id,
        detail: violation.detail,
    }))
}
