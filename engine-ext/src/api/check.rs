//! Invariants.

use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

use crate::error::OrRaise;
use crate::{api, store};

/// Returns one row per violated invariant, and none if the database is healthy.
///
/// It compares every run with its latest snapshot, its queue item, its slot, its deadline and its edges, and every batch
/// with its runs, in one snapshot of the database, and changes nothing: violations should be reported. It reads all runs.
#[pg_extern(sql = false)]
fn engine_check() -> TableIterator<
    'static,
    (
        name!(kind, String),
        name!(run_id, Option<String>),
        name!(detail, String),
    ),
> {
    api::enter().or_raise();
    let violations = store::check::violations();
    TableIterator::new(
        violations
            .into_iter()
            .map(|violation| (violation.kind, violation.run_id, violation.detail)),
    )
}
