//! Stretches of runs, and when the sweep looks at each.

use engine_core::{KeptRun, RunId, Shard, Timestamp};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::store::row::kept_run;

statement!(DUE, "stretch_due.sql");
statement!(READ, "stretch_read.sql");
statement!(SET, "stretch_set.sql");
statement!(DELETE, "stretch_delete.sql");
statement!(HURRY, "stretch_hurry.sql");

/// A stretch of runs, by their ids.
pub(crate) struct Stretch {
    pub(crate) shard: Shard,
    pub(crate) first_id: String,
    /// The id before which it ends.
    pub(crate) end_id: String,
}

impl Stretch {
    /// Whether it has no end: new runs are added to it.
    pub(crate) fn is_open(&self) -> bool {
        self.end_id == "~"
    }
}

/// The first stretch that is due before `due_before`, of those whose last look was before `looked_before`; then all runs of one of
/// `shards` at which no look was taken yet. What is of `unserved` shards is left alone.
pub(crate) fn due(
    shards: &[Shard],
    unserved: &[Shard],
    due_before: Timestamp,
    looked_before: Timestamp,
) -> Option<Stretch> {
    DUE.query(
        arguments!(DUE {
            shards: shards.to_vec(),
            due_before,
            looked_before,
            unserved: unserved.to_vec()
        }),
        |cells| Stretch {
            shard: cell!(cells, DUE.shard),
            first_id: cell!(cells, DUE.first_id),
            end_id: cell!(cells, DUE.end_id),
        },
    )
    .pop()
}

/// A run of a stretch.
pub(crate) struct Seen {
    pub(crate) id: RunId,
    pub(crate) run: KeptRun,
    /// When it ended, or changed last.
    pub(crate) at: Timestamp,
    /// About how many rows its removal deletes.
    pub(crate) row_count: i32,
    /// How long it is kept, milliseconds, if its trigger says so.
    pub(crate) keep_ms: Option<i64>,
}

/// The first runs of a stretch, up to `max_runs`, in the order of their ids.
pub(crate) fn read(stretch: &Stretch, max_runs: i32) -> Vec<Seen> {
    READ.query(
        arguments!(READ {
            shard: stretch.shard,
            first_id: &stretch.first_id,
            end_id: &stretch.end_id,
            max_runs
        }),
        |cells| Seen {
            id: cell!(cells, READ.id),
            run: kept_run!(cells, READ),
            at: cell!(cells, READ.changed_at),
            row_count: cell!(cells, READ.row_count),
            keep_ms: cell!(cells, READ.keep_ms),
        },
    )
}

/// Writes when the sweep looks at a stretch again, and how many runs are left in it.
pub(crate) fn set(
    shard: Shard,
    first_id: &str,
    due_at: Timestamp,
    looked_at: Timestamp,
    run_count: i32,
) {
    SET.execute(arguments!(SET {
        shard,
        first_id,
        due_at,
        looked_at,
        run_count
    }));
}

/// Deletes a stretch: runs with ids in its range belong to the one before it from then on.
pub(crate) fn delete(shard: Shard, first_id: &str) {
    DELETE.execute(arguments!(DELETE { shard, first_id }));
}

/// Makes the sweep look at every stretch.
pub(crate) fn hurry(now: Timestamp) {
    HURRY.execute(arguments!(HURRY { now }));
}
