//! Cancels runs.

use engine_core::{Cancel, check_label};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use super::row::ExecutionRow;
use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::OrRaise;
use crate::{api, flow};

entries!(engine_cancel);

row! {
    /// A run that is cancelled, or had ended before.
    CancelledRow {
        execution: ExecutionRow,
        already_finished: bool,
    }
}

/// Cancels a run, and returns its latest snapshot.
///
/// A run without a worker ends at once. A worker that holds it learns of the cancel with its next beat: the run is
/// PENDING_CANCEL until the worker completes its attempt, or its deadline passes; with `finalize` it ends at once. Its
/// children are cancelled by the tick once it has ended. Without `finalize`, and without `completed_at`, the time of its end
/// stays open. `attempt_duration_ms` is added to the run's usage.
///
/// # Errors
/// - `RE001` for an unknown run. A run that has ended is no error: `already_finished` is true.
/// - `22023` for a negative duration, a reason or an id of more than 1024 bytes.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_cancel(
    run_id: Option<&str>,
    reason: Option<String>,
    finalize: Option<bool>,
    completed_at: Option<TimestampWithTimeZone>,
    attempt_duration_ms: Option<i64>,
    bulk_action_id: Option<&str>,
) -> Rows<CancelledRow> {
    api::enter_locking().or_raise();
    let cancel = Cancel::new(
        reason,
        finalize.unwrap_or(false),
        api::moment("completed_at", completed_at).or_raise(),
        attempt_duration_ms,
    );
    let bulk_action_id = check_label("bulk_action_id", bulk_action_id).or_raise();
    let cancel = cancel.or_raise();
    let run_id = api::run_id(run_id).or_raise();
    let already_finished =
        flow::attempt::cancel::cancel(&run_id, &cancel, bulk_action_id).or_raise();
    Rows::one(CancelledRow {
        execution: ExecutionRow::read(&run_id),
        already_finished,
    })
}
