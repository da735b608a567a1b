//! Fresh ids. Minted only inside a backend: the generator's fingerprint and counter belong to one process.

use engine_core::{BatchId, BulkId, CheckpointId, NewRun, RunId, Shard, SnapshotId, WaitpointId};

/// The id of a new run: the caller's, or a fresh one on its shard.
pub(crate) fn run_id(run: &NewRun) -> RunId {
    run.chosen_id
        .clone()
        .unwrap_or_else(|| RunId::mint(&cuid::cuid1(), run.environment.shard))
}

/// The id of a run's first snapshot.
pub(crate) fn first_snapshot_id() -> SnapshotId {
    SnapshotId::first(&cuid::cuid1())
}

/// The id of a new waitpoint.
pub(crate) fn waitpoint_id(shard: Shard) -> WaitpointId {
    WaitpointId::mint(&cuid::cuid1(), shard)
}

/// The id of a new batch.
pub(crate) fn batch_id(shard: Shard) -> BatchId {
    BatchId::mint(&cuid::cuid1(), shard)
}

/// The id of a new bulk action.
pub(crate) fn bulk_id() -> BulkId {
    BulkId::mint(&cuid::cuid1(), Shard::FIRST)
}

/// The id of a new checkpoint.
pub(crate) fn checkpoint_id(shard: Shard) -> CheckpointId {
    CheckpointId::mint(&cuid::cuid1(), shard)
}

/// Replaces a key that another row took over: a text that no caller passes.
pub(crate) fn stand_in_for_key() -> String {
    cuid::cuid1()
}
