//! Release: a worker gives a run back.

use engine_core::SnapshotId;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

use crate::error::{OrRaise, required};
use crate::{api, flow, store};

/// Requeues a run that its worker cannot finish, and returns its latest snapshot.
///
/// For a worker that shuts down, or that cannot execute this run now. The run is queued at once, in its old order. An
/// attempt that had started ends and does not count against `max_attempts`; the next one has the next number. The time that
/// it took is not recorded. A run that is released again and again ends after `engine.queue_max_attempts`, like one whose
/// workers are lost.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE002` if `snapshot_id` is not the latest.
/// - `RE004` for a run that is neither PENDING_EXECUTING nor EXECUTING.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn engine_release(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
) -> TableIterator<
    'static,
    (
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
    let snapshot_id = required("snapshot_id", snapshot_id).map(SnapshotId::parse);
    let snapshot_id = snapshot_id.or_raise();
    let run_id = api::run_id(run_id).or_raise();
    flow::attempt::release::release(&run_id, &snapshot_id).or_raise();
    let execution = store::observe::execution(&run_id);
    TableIterator::once((
        execution.run_id,
        execution.snapshot_id,
        execution.execution_status,
        execution.run_status,
        execution.attempt_number,
        execution.description,
        execution.created_at,
    ))
}
