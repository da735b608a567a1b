//! Heartbeat deadlines.

use engine_core::{Run, RunId, Shard, SnapshotId, Timestamp};

use super::run::{column, decode, time};
use super::statement::{Statement, arguments, statement};

static MOVE: Statement = statement!("heartbeat_move.sql");
static POSTPONE: Statement = statement!("heartbeat_postpone.sql");
static STALLED: Statement = statement!("stall_lock.sql");

/// Moves the deadlines of these runs, each only if its snapshot is still watched; all on one shard.
pub(crate) fn beat(shard: Shard, beats: &[&(RunId, SnapshotId)], now: Timestamp) {
    MOVE.execute(arguments![
        shard.number(),
        time(now),
        column(beats, |(run_id, _)| run_id.as_str()),
        column(beats, |(_, snapshot_id)| snapshot_id.as_str()),
    ]);
}

/// Sets the next look at deadlines that beats have moved.
pub(crate) fn postpone(shard: Shard, max_items: i32, now: Timestamp) {
    POSTPONE.execute(arguments![shard.number(), time(now), max_items]);
}

/// Locks runs whose deadline has passed, in the order of their ids.
pub(crate) fn lock_stalled(shard: Shard, max_items: i32, now: Timestamp) -> Vec<Run> {
    STALLED.query(arguments![shard.number(), time(now), max_items], decode)
}
