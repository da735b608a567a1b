//! Unblock: resumes a run that has nothing left to wait for.

use engine_core::Unblocking;
use pgrx::pg_extern;

use super::row::ExecutionRow;
use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::OrRaise;
use crate::{api, flow};

entries!(engine_unblock);

row! {
    /// A run, and why it still waits if it does.
    UnblockedRow {
        status: &'static str,
        reason: Option<&'static str>,
        execution: ExecutionRow,
    }
}

/// Resumes a run if everything that it waits for is completed, or returns why not.
///
/// `status` is `unblocked`, `blocked`, or `skipped` for a run that does not wait, with the reason in `reason`. Calling it is
/// optional: completions resume the runs that waited, and the tick resumes those that were locked.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE004` for a run that is suspended without a checkpoint.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_unblock(run_id: Option<&str>) -> Rows<UnblockedRow> {
    api::enter_locking().or_raise();
    let run_id = api::run_id(run_id).or_raise();
    let (status, reason) = match flow::wait::unblock::unblock(&run_id).or_raise() {
        Unblocking::Unblocked(_) => ("unblocked", None),
        Unblocking::Blocked => ("blocked", None),
        Unblocking::Skipped(reason) => ("skipped", Some(reason)),
    };
    Rows::one(UnblockedRow {
        status,
        reason,
        execution: ExecutionRow::read(&run_id),
    })
}
