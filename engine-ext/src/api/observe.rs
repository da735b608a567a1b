//! Reads: what a run is now, and what happened since.

use engine_core::{RunId, SnapshotId};
use pgrx::{JsonB, default, pg_extern, search_path};

use crate::error::{OrRaise, required};
use crate::{api, store};

/// Returns the latest snapshot of a run with its checkpoint and completed waitpoints, or null if there is no such run.
///
/// With `environment_id`, a run of another environment is as good as none. Keys: `spec/core.md §3.2`.
///
/// # Errors
/// - `22004` without a run id.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn engine_execution_data(
    run_id: Option<&str>,
    environment_id: default!(Option<&str>, "NULL"),
) -> Option<JsonB> {
    api::enter().or_raise();
    let run_id = RunId::parse(required("run_id", run_id).or_raise());
    store::observe::execution_data(&run_id, environment_id)
}

/// Returns the valid snapshots of a run after a given one, oldest first, at most the newest fifty.
///
/// Null if the given snapshot is not one of this run. Only the newest one brings its completed waitpoints. Behaviour:
/// `spec/core.md §3.3`.
///
/// # Errors
/// - `22004` without a run id or a snapshot id.
#[pg_extern(volatile, parallel_unsafe, security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn engine_snapshots_since(
    run_id: Option<&str>,
    snapshot_id: Option<&str>,
    environment_id: default!(Option<&str>, "NULL"),
) -> Option<JsonB> {
    api::enter().or_raise();
    let run_id = RunId::parse(required("run_id", run_id).or_raise());
    let snapshot_id = SnapshotId::parse(required("snapshot_id", snapshot_id).or_raise());
    store::observe::snapshots_since(&run_id, &snapshot_id, environment_id)
}

/// Returns the version of the loaded library.
#[pg_extern(immutable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn engine_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
