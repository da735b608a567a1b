//! Redrives: a run that its handler did not end is requeued.

use pgrx::pg_extern;

use super::row::ExecutionRow;
use crate::backend::caller::entries;
use crate::backend::rows::Rows;
use crate::error::OrRaise;
use crate::{api, flow};

entries!(engine_redrive);

/// Requeues a run that ended without its handler's decision, and returns its latest snapshot.
///
/// Such a run was requeued too often because its worker was lost, or crashed, took or waited too long: SYSTEM_FAILURE,
/// CRASHED, TIMED_OUT, EXPIRED, INTERRUPTED. It keeps its identity and its attempts, has at least one more, and the queue's
/// count restarts.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `22023` for a run of which nothing is kept.
/// - `RE004` for a run that has not ended, or by its handler or a cancel: `engine_replay` does its work again as a new run.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_redrive(run_id: Option<&str>) -> Rows<ExecutionRow> {
    api::enter_locking().or_raise();
    let run_id = api::run_id(run_id).or_raise();
    flow::attempt::redrive::redrive(&run_id).or_raise();
    Rows::one(ExecutionRow::read(&run_id))
}
