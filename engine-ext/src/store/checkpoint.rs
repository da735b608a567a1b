//! Checkpoints.

use engine_core::{CheckpointId, NewCheckpoint, Run, SnapshotId, Timestamp};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(INSERT, "checkpoint_insert.sql");
statement!(PREVIOUS, "snapshot_previous_read.sql");

/// Writes a checkpoint of a locked run.
pub(crate) fn insert(run: &Run, id: &CheckpointId, new: &NewCheckpoint, now: Timestamp) {
    INSERT.execute(arguments!(INSERT {
        shard: run.id.shard(),
        now,
        id: id.as_str(),
        kind: new.kind.as_str(),
        location: new.location.as_str(),
        image: new.image_ref.as_deref(),
        reason: new.reason.as_deref(),
        run_id: run.id.as_str()
    }));
}

/// The snapshot before the latest one of a locked run.
pub(crate) fn previous_snapshot(run: &Run) -> Option<SnapshotId> {
    PREVIOUS
        .query(
            arguments!(PREVIOUS {
                shard: run.id.shard(),
                run_id: run.id.as_str(),
                ordinal: run.snapshot_ordinal
            }),
            cell!(PREVIOUS.id),
        )
        .pop()
}
