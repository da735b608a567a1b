//! Reads of runs: their state, and their history.

use engine_core::{RunId, SnapshotId};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::{name, pg_extern};

use crate::document::Stored;
use crate::error::{OrRaise, required};
use crate::{api, store};

/// Returns the latest snapshot of a run with its checkpoint and completed waitpoints, or null if there is no such run.
///
/// With `environment_id`, a run of another environment counts as missing. Keys: `version`, `snapshot`, `run`,
/// `completedWaitpoints`, and `batch` and `checkpoint` if the snapshot has one.
///
/// # Errors
/// - `22004` without a run id.
#[pg_extern(sql = false)]
fn engine_execution_data(run_id: Option<&str>, environment_id: Option<&str>) -> Option<Stored> {
    api::enter().or_raise();
    let run_id = RunId::parse(required("run_id", run_id).or_raise());
    store::observe::execution_data(&run_id, environment_id)
}

/// Returns the valid snapshots of a run after a given one, oldest first, at most the newest fifty.
///
/// Null if the given snapshot does not belong to this run. Only the newest one has its completed waitpoints.
///
/// # Errors
/// - `22004` without a run id or a snapshot id.
#[pg_extern(sql = false)]
fn engine_snapshots_since(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    environment_id: Option<&str>,
) -> Option<Stored> {
    api::enter().or_raise();
    let run_id = RunId::parse(required("run_id", run_id).or_raise());
    let snapshot_id = SnapshotId::parse(required("snapshot_id", snapshot_id).or_raise());
    store::observe::snapshots_since(&run_id, &snapshot_id, environment_id)
}

/// Returns the result of a run: one row with its status and, once it has ended, its output or error; none if there is no such run.
///
/// With `environment_id`, a run of another environment counts as missing. The run has ended when its execution status is
/// FINISHED; `output` is text of the media type `output_type`. A single lookup, cheap enough to be repeated.
///
/// # Errors
/// - `22004` without a run id.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn engine_run_result(
    run_id: Option<&str>,
    environment_id: Option<&str>,
) -> TableIterator<
    'static,
    (
        name!(run_id, String),
        name!(snapshot_id, String),
        name!(run_status, String),
        name!(execution_status, String),
        name!(attempt_number, Option<i32>),
        name!(output, Option<String>),
        name!(output_type, Option<String>),
        name!(error, Option<Stored>),
        name!(completed_at, Option<TimestampWithTimeZone>),
        name!(usage_duration_ms, i32),
    ),
> {
    api::enter().or_raise();
    let run_id = RunId::parse(required("run_id", run_id).or_raise());
    let result = store::observe::result(&run_id, environment_id);
    TableIterator::new(result.into_iter().map(|result| {
        (
            result.run_id,
            result.snapshot_id,
            result.run_status,
            result.execution_status,
            result.attempt_number,
            result.output,
            result.output_type,
            result.error,
            result.completed_at,
            result.usage_duration_ms,
        )
    }))
}

/// Returns the version of the loaded library.
#[pg_extern(sql = false)]
fn engine_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
