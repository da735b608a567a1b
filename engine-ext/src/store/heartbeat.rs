//! Heartbeat deadlines.

use std::collections::BTreeSet;
use std::ffi::CStr;

use engine_core::{RunId, Shard, SnapshotId, Timestamp};

use crate::backend::low_water;
use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, moment, time};

static MOVE: Statement = statement!("heartbeat_move.sql");
static POSTPONE: Statement = statement!("heartbeat_postpone.sql");
static LOCK_FREE: Statement = statement!("heartbeat_lock_free.sql");
static RENEW: Statement = statement!("heartbeat_renew.sql");
static FIRST: Statement = statement!("heartbeat_first.sql");
static DUE: Statement = statement!("heartbeat_due_lock.sql");
static REST: Statement = statement!("heartbeat_rest.sql");
const TABLE: &CStr = c"heartbeat";

/// Announces to ticks that this transaction may write deadlines. Call it before the clock is read.
pub(crate) fn announce() {
    low_water::announce_writes(TABLE);
}

/// Moves the deadlines of these runs, each only if its snapshot is still watched; all on one shard.
pub(crate) fn beat(shard: Shard, beats: &[&(RunId, SnapshotId)], now: Timestamp) {
    MOVE.execute(arguments![
        shard.number(),
        time(now),
        column(beats, |(run_id, _)| run_id.as_str()),
        column(beats, |(_, snapshot_id)| snapshot_id.as_str()),
    ]);
}

/// A locked deadline that the tick must check.
pub(crate) struct Due {
    /// The run that it watches.
    pub(crate) run_id: RunId,
    /// Whether a beat has moved it past the present moment.
    pub(crate) is_alive: bool,
}

/// Locks the deadlines that the tick must check.
pub(crate) fn lock_due(shard: Shard, max_items: i32, now: Timestamp) -> Vec<Due> {
    let first = |low| {
        FIRST
            .query(arguments![shard.number(), time(low)], moment)
            .pop()
    };
    low_water::scan(
        &("heartbeats".to_owned(), shard.number().to_string()),
        TABLE,
        now,
        first,
        |low| {
            let arguments = arguments![shard.number(), time(now), max_items, time(low)];
            DUE.query(arguments, |cells| Due {
                run_id: RunId::parse(&cells.value::<String>()),
                is_alive: cells.value(),
            })
        },
    )
}

/// Locks the deadlines of these runs that no other session has locked.
pub(crate) fn lock_free(shard: Shard, ids: &[&RunId]) -> BTreeSet<RunId> {
    let rows = LOCK_FREE.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| RunId::parse(&cells.value::<String>()),
    );
    rows.into_iter().collect()
}

/// Sets the next check of locked deadlines to the deadlines themselves.
pub(crate) fn postpone(shard: Shard, ids: &[&RunId]) {
    POSTPONE.execute(arguments![shard.number(), column(ids, |id| id.as_str())]);
}

/// Renews the deadlines of locked runs, with the same interval as before.
pub(crate) fn renew(shard: Shard, ids: &[&RunId], now: Timestamp) {
    RENEW.execute(arguments![
        shard.number(),
        time(now),
        column(ids, |id| id.as_str())
    ]);
}

/// Sets the next check of locked deadlines of suspended runs, each with whether it is the longest pause.
pub(crate) fn rest(shard: Shard, runs: &[(&RunId, bool)], now: Timestamp) {
    REST.execute(arguments![
        shard.number(),
        time(now),
        column(runs, |(run_id, _)| run_id.as_str()),
        column(runs, |(_, is_longest)| *is_longest),
    ]);
}
