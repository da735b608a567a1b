//! Reschedules: a new due time for a delayed run.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use super::row::ExecutionRow;
use crate::backend::caller::entries;
use crate::backend::rows::Rows;
use crate::error::{OrRaise, required};
use crate::{api, flow};

entries!(engine_reschedule);

/// Moves the due time of a waiting run, earlier or later, and returns its latest snapshot.
///
/// Its queue order moves with it, unless its trigger chose one.
///
/// # Errors
/// - `22004`, `22023` without a time, or for an infinite one.
/// - `RE001` for an unknown run.
/// - `RE004` for a run that waits neither for its time nor for a version.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_reschedule(
    run_id: Option<&str>,
    delay_until: Option<TimestampWithTimeZone>,
) -> Rows<ExecutionRow> {
    api::enter_locking().or_raise();
    let at = api::moment("delay_until", delay_until)
        .and_then(|at| required("delay_until", at))
        .or_raise();
    let run_id = api::run_id(run_id).or_raise();
    flow::attempt::reschedule::reschedule_by_id(&run_id, at).or_raise();
    Rows::one(ExecutionRow::read(&run_id))
}
