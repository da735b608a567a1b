//! Events, in order.

#![allow(unsafe_code)]

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;

use super::statement::{Cells, Statement, arguments, statement};
use crate::document::Stored;

static READ: Statement = statement!("event_read.sql")
    .with_bitmaps()
    .with_callers_snapshot();
static HELD_BACK: Statement = statement!("event_held_back.sql")
    .with_bitmaps()
    .with_callers_snapshot();
static LAST: Statement = statement!("event_last.sql");

/// Events of one row: their positions lie this far apart.
const PLACES: i64 = 8;

/// An event.
pub(crate) struct Event {
    pub(crate) position: i64,
    pub(crate) name: String,
    pub(crate) run_id: String,
    pub(crate) time: TimestampWithTimeZone,
    pub(crate) body: Stored,
}

/// Up to `max_events` events after position `after`. Goes forward in windows: positions of transactions that rolled back
/// leave gaps.
pub(crate) fn after(after: i64, max_events: i32) -> Vec<Event> {
    let last: i64 = LAST
        .query(arguments![], Cells::value)
        .into_iter()
        .next()
        .unwrap_or_default();
    // Read after the snapshot was taken that the windows are read with: no row of this server that is in it can have a greater
    // horizon.
    // SAFETY: reads a counter in shared memory.
    let next_transaction = unsafe { pg_sys::ReadNextFullTransactionId() }.value as i64;
    // The row of `after` may have more events.
    let mut start = after / PLACES - 1;
    let mut width = i64::from(max_events) + 1;
    loop {
        let end = start.saturating_add(width);
        let events = READ.query(
            arguments![after, start, end, max_events, next_transaction],
            decode,
        );
        if !events.is_empty() || end >= last {
            return events;
        }
        // What lies behind may be complete already: a horizon is looked for a moment after its position was drawn, so that a
        // smaller position may have the greater one.
        let told = start.max(after / PLACES);
        if is_held_back(told, end, next_transaction) {
            return events;
        }
        start = end;
        width = width.saturating_mul(2);
    }
}

/// Whether something stands between two positions that cannot be told yet.
fn is_held_back(start: i64, end: i64, next_transaction: i64) -> bool {
    let held_back = HELD_BACK.query(arguments![start, end, next_transaction], Cells::value);
    held_back.into_iter().any(|is_held_back: bool| is_held_back)
}

fn decode(cells: &mut Cells) -> Event {
    Event {
        position: cells.value(),
        name: cells.value(),
        run_id: cells.value(),
        time: cells.value(),
        body: cells.value(),
    }
}
