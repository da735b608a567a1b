//! Named readers of events.

use engine_core::{Hold, Shard, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "event_reader_read.sql");
statement!(INSERT, "event_reader_insert.sql");
statement!(CHANGE, "event_reader_change.sql");
statement!(ACKNOWLEDGE, "event_reader_acknowledge.sql");
statement!(DELETE, "event_reader_delete.sql");
statement!(HOLDS, "event_reader_holds.sql");

/// A named reader.
pub(crate) struct Reader {
    /// The last event that it has acknowledged.
    pub(crate) position: i64,
    pub(crate) max_lag_ms: i64,
    pub(crate) created_at: TimestampWithTimeZone,
    pub(crate) acknowledged_at: Option<TimestampWithTimeZone>,
}

/// How far a reader has come.
#[derive(Clone, Copy)]
pub(crate) struct Reached {
    /// The last event.
    pub(crate) position: i64,
    /// The last row of which no event is left.
    pub(crate) row_position: i64,
}

/// Reads a reader.
pub(crate) fn find(name: &str) -> Option<Reader> {
    READ.query(arguments!(READ { name }), |cells| Reader {
        position: cell!(cells, READ.position),
        max_lag_ms: cell!(cells, READ.max_lag_ms),
        created_at: cell!(cells, READ.created_at),
        acknowledged_at: cell!(cells, READ.acknowledged_at),
    })
    .pop()
}

/// Creates a reader, on the shards where it does not exist.
pub(crate) fn insert(
    shards: &[Shard],
    name: &str,
    start: Reached,
    max_lag_ms: i64,
    now: Timestamp,
) {
    INSERT.execute(arguments!(INSERT {
        shards: shards.to_vec(),
        name,
        position: start.position,
        row_position: start.row_position,
        max_lag_ms,
        now
    }));
}

/// Changes the bound of a reader.
pub(crate) fn change(name: &str, max_lag_ms: i64) {
    CHANGE.execute(arguments!(CHANGE { name, max_lag_ms }));
}

/// Moves a reader forward; returns whether it exists.
pub(crate) fn acknowledge(name: &str, reached: Reached, now: Timestamp) -> bool {
    let arguments = arguments!(ACKNOWLEDGE {
        name,
        position: reached.position,
        row_position: reached.row_position,
        now
    });
    ACKNOWLEDGE.execute(arguments) > 0
}

/// Deletes a reader; returns whether it existed.
pub(crate) fn delete(name: &str) -> bool {
    DELETE.execute(arguments!(DELETE { name })) > 0
}

/// What readers hold on a shard: an event may be removed unless a hold is before its row, and the event newer than
/// [`Hold::since`].
pub(crate) fn holds(shard: Shard) -> Vec<Hold> {
    HOLDS.query(arguments!(HOLDS { shard }), |cells| Hold {
        row_position: cell!(cells, HOLDS.row_position),
        max_lag_ms: cell!(cells, HOLDS.max_lag_ms),
    })
}
