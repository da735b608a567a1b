//! Up to where events were removed.

#![allow(unsafe_code)]

use engine_core::{EventScope, Shard, Timestamp};
use pgrx::pg_sys;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "event_horizon_read.sql", with_callers_snapshot);
statement!(RAISE, "event_horizon_raise.sql");

/// The last of these events that was removed, 0 if none was, by what has committed so far, whatever the caller's snapshot still shows.
pub(crate) fn read(scope: &EventScope) -> i64 {
    // SAFETY: pushed and popped in pairs; an error in between aborts the transaction, which pops it.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot()) };
    let arguments = arguments!(READ {
        of_shard: scope.shard(),
        away: scope.away()
    });
    let horizon = READ.query(arguments, cell!(READ.position)).pop();
    // SAFETY: the snapshot that was pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
    horizon.unwrap_or_default()
}

/// Has readers know that events of a shard are removed, up to the one at this position, by this transaction.
pub(crate) fn raise(shard: Shard, position: i64, now: Timestamp) {
    RAISE.execute(arguments!(RAISE {
        shard,
        position,
        now
    }));
}
