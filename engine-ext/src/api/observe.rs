//! Reads of runs: their state, and their history.

use engine_core::SnapshotId;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::backend::rows::{Rows, row};
use crate::document::Stored;
use crate::error::{OrRaise, required};
use crate::{api, flow, store};

entries!(
    engine_run_result,
    engine_execution_data,
    engine_snapshots_since
);

row! {
    /// The result of a run.
    ResultRow {
        run_id: String,
        snapshot_id: String,
        run_status: String,
        execution_status: String,
        attempt_number: Option<i32>,
        output: Option<String>,
        output_type: Option<String>,
        error: Option<Stored>,
        completed_at: Option<TimestampWithTimeZone>,
        usage_duration_ms: i32,
    }
}

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
    let run_id = api::run_id_to_read(run_id).or_raise();
    store::observe::execution_data(&run_id, environment_id)
        .filter(|_| !flow::right::is_foreign_run(&run_id))
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
    let run_id = api::run_id_to_read(run_id).or_raise();
    let snapshot_id = SnapshotId::parse(required("snapshot_id", snapshot_id).or_raise());
    store::observe::snapshots_since(&run_id, &snapshot_id, environment_id)
        .filter(|_| !flow::right::is_foreign_run(&run_id))
}

/// Returns the result of a run: one row with its status and, once it has ended, its output or error; none if there is no such run.
///
/// With `environment_id`, a run of another environment counts as missing. The run has ended when its execution status is
/// FINISHED; `output` is text of the media type `output_type`. A single lookup, cheap enough to be repeated.
///
/// # Errors
/// - `22004` without a run id.
#[pg_extern(sql = false)]
fn engine_run_result(run_id: Option<&str>, environment_id: Option<&str>) -> Rows<ResultRow> {
    api::enter().or_raise();
    let run_id = api::run_id_to_read(run_id).or_raise();
    let result = store::observe::result(&run_id, environment_id)
        .filter(|_| !flow::right::is_foreign_run(&run_id));
    Rows::new(result.into_iter().map(|result| ResultRow {
        run_id: result.run_id,
        snapshot_id: result.snapshot_id,
        run_status: result.run_status,
        execution_status: result.execution_status,
        attempt_number: result.attempt_number,
        output: result.output,
        output_type: result.output_type,
        error: result.error,
        completed_at: result.completed_at,
        usage_duration_ms: result.usage_duration_ms,
    }))
}

/// Returns the version of the loaded library.
#[pg_extern(sql = false)]
fn engine_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
