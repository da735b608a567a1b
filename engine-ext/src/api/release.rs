//! Release: a worker gives a run back.

use engine_core::SnapshotId;
use pgrx::pg_extern;

use super::row::ExecutionRow;
use crate::backend::caller::entries;
use crate::backend::rows::Rows;
use crate::error::{OrRaise, required};
use crate::{api, flow};

entries!(engine_release);

/// Requeues a run that its worker cannot finish, and returns its latest snapshot.
///
/// For a worker that shuts down, or that cannot execute this run now. The run is queued at once, in its old order. An
/// attempt that had started ends and does not count against `max_attempts`; the next one has the next number. The time that
/// it took is not recorded. A run that is released again and again ends after `engine.queue_max_attempts`, like one whose
/// workers are lost. Repeated with the same snapshot by the same worker, with both ids, the call returns the first answer until
/// the run moves on.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE002` if `snapshot_id` is not the latest.
/// - `RE004` for a run that is neither PENDING_EXECUTING nor EXECUTING.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_release(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
) -> Rows<ExecutionRow> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let snapshot_id = required("snapshot_id", snapshot_id).map(SnapshotId::parse);
    let snapshot_id = snapshot_id.or_raise();
    let run_id = api::run_id(run_id).or_raise();
    flow::attempt::release::release(&run_id, &snapshot_id, caller).or_raise();
    Rows::one(ExecutionRow::read(&run_id))
}
