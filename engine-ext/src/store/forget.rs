//! Finds runs that are to be forgotten.

use engine_core::{Forgotten, RunId, RunStatus, Shard, Timestamp};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(FIND, "forget_find.sql", reading_everything);

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

/// Up to `max_runs` of these runs that are of one of these environments, or of any, in the order of their ids: those that have
/// ended, or the others.
pub(crate) fn find(
    shard: Shard,
    runs: &Forgotten,
    environment_ids: Option<&[String]>,
    has_ended: bool,
    max_runs: i32,
) -> Vec<Found> {
    FIND.query(
        arguments!(FIND {
            shard,
            run_id: runs.run_id.as_ref().map(RunId::as_str),
            environment_id: runs.environment_id.as_deref(),
            task: runs.task.as_deref(),
            queue: runs.queue.as_deref(),
            tag: runs.tag.as_deref(),
            created_after: runs.created_after,
            created_before: runs.created_before,
            environment_ids,
            has_ended,
            max_runs
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
