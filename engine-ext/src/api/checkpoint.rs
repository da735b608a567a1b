//! Checkpoints: suspend a run, and resume it.

use engine_core::{NewCheckpoint, SnapshotId};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

use crate::error::{OrRaise, required};
use crate::{api, flow, store};

/// Suspends a run whose process was frozen: it gives its slot back, and resumes through its queue.
///
/// Call it once the checkpoint exists. `type` is DOCKER, KUBERNETES or COMPUTE. If the run has moved on since `snapshot_id`,
/// or cannot be suspended in its status, nothing happens: `ok` is false, `error` tells why, and the checkpoint may be
/// deleted.
///
/// # Errors
/// - `RE001` for an unknown run.
/// - `22023` for an unknown type.
/// - `RE006` in a stricter isolation level than READ COMMITTED.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity, clippy::too_many_arguments)]
fn engine_create_checkpoint(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    r#type: Option<&str>,
    location: Option<String>,
    image_ref: Option<String>,
    reason: Option<String>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
) -> TableIterator<
    'static,
    (
        name!(ok, bool),
        name!(error, Option<String>),
        name!(snapshot_id, String),
        name!(execution_status, String),
        name!(checkpoint_id, Option<String>),
    ),
> {
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
    TableIterator::once((
        created.checkpoint_id.is_some(),
        created.discard_reason,
        created.snapshot_id.as_str().to_owned(),
        created.execution_status.to_string(),
        created.checkpoint_id.map(|id| id.as_str().to_owned()),
    ))
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
#[allow(clippy::type_complexity)]
fn engine_continue(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    worker_id: Option<&str>,
    runner_id: Option<&str>,
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
        name!(heartbeat_ms, Option<i64>),
    ),
> {
    api::enter_locking().or_raise();
    let caller = api::caller(worker_id, runner_id).or_raise();
    let given = SnapshotId::parse(required("snapshot_id", snapshot_id).or_raise());
    let run_id = api::run_id(run_id).or_raise();
    let settings = flow::settings(flow::now());
    flow::wait::checkpoint::resume(&run_id, &given, caller, &settings).or_raise();
    let execution = store::observe::execution(&run_id);
    TableIterator::once((
        execution.run_id,
        execution.snapshot_id,
        execution.execution_status,
        execution.run_status,
        execution.attempt_number,
        execution.description,
        execution.created_at,
        execution.heartbeat_ms,
    ))
}
