//! Checkpoints: suspend a run, and resume it.

use engine_core::{NewCheckpoint, SnapshotId};
use pgrx::pg_extern;

use super::row::HeldRow;
use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::error::{OrRaise, required};
use crate::{api, flow};

entries!(engine_create_checkpoint, engine_continue);

row! {
    /// A checkpoint that was created, or why it was not.
    CheckpointRow {
        ok: bool,
        error: Option<String>,
        snapshot_id: String,
        execution_status: String,
        checkpoint_id: Option<String>,
    }
}

/// Suspends a run whose process was frozen: it gives its slot back, and resumes through its queue.
///
/// Call it once the checkpoint exists. `type` is DOCKER, KUBERNETES or COMPUTE. If the run has moved on since `snapshot_id`,
/// or cannot be suspended in its status, nothing happens: `ok` is false, `error` says why, and the checkpoint may be
/// deleted.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `22023` for an unknown type.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn engine_create_checkpoint(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    r#type: Option<&str>,
    location: Option<String>,
    image_ref: Option<String>,
    reason: Option<String>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
) -> Rows<CheckpointRow> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let given = SnapshotId::parse(required("snapshot_id", snapshot_id).or_raise());
    let checkpoint = required("type", r#type).and_then(|kind| {
        let location = required("location", location)?;
        NewCheckpoint::new(kind, location, image_ref, reason)
    });
    let checkpoint = checkpoint.or_raise();
    let run_id = api::run_id(run_id).or_raise();
    let created = flow::wait::checkpoint::create(&run_id, &given, &checkpoint, caller).or_raise();
    Rows::one(CheckpointRow {
        ok: created.checkpoint_id.is_some(),
        error: created.discard_reason,
        snapshot_id: created.snapshot_id.as_str().to_owned(),
        execution_status: created.execution_status.to_string(),
        checkpoint_id: created.checkpoint_id.map(|id| id.as_str().to_owned()),
    })
}

/// Continues the attempt of a run that was suspended, and returns its latest snapshot.
///
/// Call it for a run that was dequeued with a checkpoint, once its process is restored. No new attempt starts. Beat within
/// `heartbeat_ms` milliseconds from now on, with the snapshot that is returned.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `RE002` if the snapshot is not the latest: another worker has the run, or this call was made before.
/// - `RE003` if the run is finished, `RE004` if it was not dequeued, or no attempt of it has started.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
fn engine_continue(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
) -> Rows<HeldRow> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let given = SnapshotId::parse(required("snapshot_id", snapshot_id).or_raise());
    let run_id = api::run_id(run_id).or_raise();
    let settings = flow::settings(flow::now());
    flow::wait::checkpoint::resume(&run_id, &given, caller, &settings).or_raise();
    Rows::one(HeldRow::read(&run_id))
}
