//! Fresh ids. Minted only inside a backend: the generator's fingerprint and counter belong to one process.

use engine_core::{NewRun, RunId, SnapshotId};

/// The id of a new run: the one that its caller chose, or a fresh one on its shard.
pub(crate) fn run_id(run: &NewRun) -> RunId {
    run.chosen_id
        .clone()
        .unwrap_or_else(|| RunId::mint(&cuid::cuid1(), run.environment.shard))
}

/// The id of a run's first snapshot.
pub(crate) fn first_snapshot_id() -> SnapshotId {
    SnapshotId::first(&cuid::cuid1())
}

/// The id of the snapshot that follows `previous`.
pub(crate) fn next_snapshot_id(previous: &SnapshotId) -> SnapshotId {
    previous.next(&cuid::cuid1())
}
