//! What a caller that forgets runs is told of them.

use engine_core::{RunId, RunStatus, Shard, Timestamp};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(FIND, "forget_find.sql");

/// A run that matches.
pub(crate) struct Found {
    pub(crate) run_id: RunId,
    pub(crate) task: String,
    pub(crate) environment_id: String,
    pub(crate) run_status: RunStatus,
    pub(crate) completed_at: Option<Timestamp>,
    /// The number of snapshots in its history.
    pub(crate) snapshot_count: i64,
}

/// What a caller is told of these runs, in the order of their ids.
pub(crate) fn find(shard: Shard, ids: &[RunId]) -> Vec<Found> {
    FIND.query(
        arguments!(FIND {
            shard,
            run_ids: ids
        }),
        |cells| Found {
            run_id: cell!(cells, FIND.id),
            task: cell!(cells, FIND.task),
            environment_id: cell!(cells, FIND.environment_id),
            run_status: cell!(cells, FIND.run_status),
            completed_at: cell!(cells, FIND.completed_at),
            snapshot_count: cell!(cells, FIND.snapshot_count),
        },
    )
}
