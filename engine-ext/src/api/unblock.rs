//! Unblock: resumes a run that has nothing left to wait for.

use engine_core::Unblocking;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

use crate::error::OrRaise;
use crate::{api, flow, store};

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
#[allow(clippy::type_complexity)]
fn engine_unblock(
    run_id: Option<&str>,
) -> TableIterator<
    'static,
    (
        name!(status, &'static str),
        name!(reason, Option<&'static str>),
        name!(run_id, String),
        name!(snapshot_id, Option<String>),
        name!(execution_status, Option<String>),
        name!(run_status, Option<String>),
        name!(attempt_number, Option<i32>),
        name!(description, Option<String>),
        name!(created_at, Option<TimestampWithTimeZone>),
    ),
> {
    api::enter_locking().or_raise();
    let run_id = api::run_id(run_id).or_raise();
    let (status, reason) = match flow::wait::unblock::unblock(&run_id).or_raise() {
        Unblocking::Unblocked(_) => ("unblocked", None),
        Unblocking::Blocked => ("blocked", None),
        Unblocking::Skipped(reason) => ("skipped", Some(reason)),
    };
    let execution = store::observe::execution(&run_id);
    TableIterator::once((
        status,
        reason,
        execution.run_id,
        execution.snapshot_id,
        execution.execution_status,
        execution.run_status,
        execution.attempt_number,
        execution.description,
        execution.created_at,
    ))
}
