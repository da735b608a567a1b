//! Heartbeat deadlines.

use engine_core::{RunId, Shard, SnapshotId, Timestamp};

use super::run::{column, time};
use super::statement::{Statement, arguments, statement};

static MOVE: Statement = statement!("heartbeat_move.sql");
static POSTPONE: Statement = statement!("heartbeat_postpone.sql");
static RENEW: Statement = statement!("heartbeat_renew.sql");
static DUE: Statement = statement!("heartbeat_due_lock.sql");

/// Moves the deadlines of these runs, each only if its snapshot is still watched; all on one shard.
pub(crate) fn beat(shard: Shard, beats: &[&(RunId, SnapshotId)], now: Timestamp) {
    MOVE.execute(arguments![
        shard.number(),
        time(now),
        column(beats, |(run_id, _)| run_id.as_str()),
        column(beats, |(_, snapshot_id)| snapshot_id.as_str()),
    ]);
}

/// A deadline that the tick has to look at, locked.
pub(crate) struct Due {
    /// The run that it watches.
    pub(crate) run_id: RunId,
    /// Whether a beat has moved it past the present moment.
    pub(crate) is_alive: bool,
}

/// Locks the deadlines that the tick has to look at.
pub(crate) fn lock_due(shard: Shard, max_items: i32, now: Timestamp) -> Vec<Due> {
    DUE.query(arguments![shard.number(), time(now), max_items], |cells| {
        Due {
            run_id: RunId::parse(&cells.value::<String>()),
            is_alive: cells.value(),
        }
    })
}

/// Sets the next look at locked deadlines to the deadlines themselves.
pub(crate) fn postpone(shard: Shard, ids: &[&RunId]) {
    POSTPONE.execute(arguments![shard.number(), column(ids, |id| id.as_str())]);
}

/// Gives locked runs a new deadline, as far from `now` as it was before.
pub(crate) fn renew(shard: Shard, ids: &[&RunId], now: Timestamp) {
    RENEW.execute(arguments![
        shard.number(),
        time(now),
        column(ids, |id| id.as_str())
    ]);
}
