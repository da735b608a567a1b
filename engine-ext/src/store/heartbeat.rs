//! Heartbeat deadlines.

use std::collections::BTreeSet;
use std::ffi::CStr;

use engine_core::{RunId, Shard, SnapshotId, Timestamp};

use crate::backend::cells::cell;
use crate::backend::low_water;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::store::row::Execution;

statement!(BEAT, "heartbeat_beat.sql");
statement!(POSTPONE, "heartbeat_postpone.sql");
statement!(LOCK_FREE, "heartbeat_lock_free.sql");
statement!(RENEW, "heartbeat_renew.sql");
statement!(FIRST, "heartbeat_first.sql");
statement!(DUE, "heartbeat_due_lock.sql");
statement!(REST, "heartbeat_rest.sql");
const TABLE: &CStr = c"heartbeat";

/// Announces to ticks that this transaction may write deadlines. Call it before the clock is read.
pub(crate) fn announce() {
    low_water::announce_writes(TABLE);
}

/// Moves the deadlines of these runs, each only if its snapshot is still watched; all on one shard. Returns the latest snapshots
/// of those that it has moved, in no order, each with its position.
pub(crate) fn beat(
    shard: Shard,
    beats: &[&(RunId, SnapshotId)],
    now: Timestamp,
) -> Vec<(usize, Execution)> {
    BEAT.query(
        arguments!(BEAT {
            shard,
            now,
            run_ids: column(beats, |(run_id, _)| run_id.as_str()),
            snapshot_ids: column(beats, |(_, snapshot_id)| snapshot_id.as_str())
        }),
        |cells| {
            let ordinal = cell!(cells, BEAT.ordinal as i64);
            let execution = Execution {
                run_id: cell!(cells, BEAT.run_id),
                snapshot_id: Some(cell!(cells, BEAT.id)),
                execution_status: Some(cell!(cells, BEAT.execution_status)),
                run_status: Some(cell!(cells, BEAT.run_status)),
                attempt_number: cell!(cells, BEAT.attempt_number),
                description: Some(cell!(cells, BEAT.description)),
                created_at: Some(cell!(cells, BEAT.created_at)),
                heartbeat_ms: Some(cell!(cells, BEAT.interval_ms)),
            };
            (
                usize::try_from(ordinal - 1).unwrap_or(usize::MAX),
                execution,
            )
        },
    )
}

/// A locked deadline that the tick must check.
pub(crate) struct Due {
    pub(crate) shard: Shard,
    /// The run that it watches.
    pub(crate) run_id: RunId,
    /// Whether a beat has moved it past the present moment.
    pub(crate) is_alive: bool,
}

/// Locks the deadlines that the tick must check, of all shards but these.
pub(crate) fn lock_due(unserved: &[Shard], max_items: i32, now: Timestamp) -> Vec<Due> {
    let first = |low| {
        FIRST
            .query(arguments!(FIRST { low }), cell!(FIRST.check_at))
            .pop()
    };
    low_water::scan(
        &("heartbeats".to_owned(), String::new()),
        TABLE,
        now,
        first,
        |low| {
            let arguments = arguments!(DUE {
                now,
                max_items,
                low,
                unserved: unserved.to_vec()
            });
            DUE.query(arguments, |cells| Due {
                shard: cell!(cells, DUE.shard),
                run_id: cell!(cells, DUE.run_id),
                is_alive: cell!(cells, DUE.is_alive),
            })
        },
    )
}

/// Locks the deadlines of these runs that no other session has locked.
pub(crate) fn lock_free(shard: Shard, ids: &[&RunId]) -> BTreeSet<RunId> {
    let rows = LOCK_FREE.query(
        arguments!(LOCK_FREE {
            shard,
            run_ids: ids
        }),
        cell!(LOCK_FREE.run_id),
    );
    rows.into_iter().collect()
}

/// Sets the next check of locked deadlines to the deadlines themselves.
pub(crate) fn postpone(shard: Shard, ids: &[&RunId]) {
    POSTPONE.execute(arguments!(POSTPONE {
        shard,
        run_ids: ids
    }));
}

/// Renews the deadlines of locked runs, with the same interval as before.
pub(crate) fn renew(shard: Shard, ids: &[&RunId], now: Timestamp) {
    RENEW.execute(arguments!(RENEW {
        shard,
        now,
        run_ids: ids
    }));
}

/// Sets the next check of locked deadlines of suspended runs, each with whether it is the longest pause.
pub(crate) fn rest(shard: Shard, runs: &[(&RunId, bool)], now: Timestamp) {
    REST.execute(arguments!(REST {
        shard,
        now,
        run_id: column(runs, |(run_id, _)| run_id.as_str()),
        is_longest: column(runs, |(_, is_longest)| *is_longest)
    }));
}
