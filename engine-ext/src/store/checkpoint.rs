//! Checkpoints.

use engine_core::{CheckpointId, NewCheckpoint, Run, SnapshotId, Timestamp};

use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::time;

static INSERT: Statement = statement!("checkpoint_insert.sql");
static PREVIOUS: Statement = statement!("snapshot_previous_read.sql");

/// Writes a checkpoint of a locked run.
pub(crate) fn insert(run: &Run, id: &CheckpointId, new: &NewCheckpoint, now: Timestamp) {
    INSERT.execute(arguments![
        run.id.shard().number(),
        time(now),
        id.as_str(),
        new.kind.as_str(),
        new.location.as_str(),
        new.image_ref.as_deref(),
        new.reason.as_deref(),
        run.id.as_str(),
    ]);
}

/// The snapshot before the latest one of a locked run.
pub(crate) fn previous_snapshot(run: &Run) -> Option<SnapshotId> {
    let rows = PREVIOUS.query(
        arguments![
            run.id.shard().number(),
            run.id.as_str(),
            run.snapshot_ordinal
        ],
        |cells| cells.nullable::<String>(),
    );
    let id = rows.into_iter().next().flatten();
    id.map(|id| SnapshotId::parse(&id))
}
