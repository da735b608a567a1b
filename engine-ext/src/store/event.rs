//! Events, in order.

#![allow(unsafe_code)]

use std::cell::Cell;

use engine_core::{EVENTS_PER_ROW, EventScope, Shard};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;

use crate::backend::cells::{Cells, cell};
use crate::backend::locks;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::document::Stored;

statement!(READ, "event_read.sql", with_bitmaps, with_callers_snapshot);
statement!(
    HELD_BACK,
    "event_held_back.sql",
    with_bitmaps,
    with_callers_snapshot
);
statement!(LAST, "event_last.sql");
statement!(WRITERS, "event_writers.sql");
statement!(REST, "event_rest_read.sql", with_bitmaps);
statement!(AHEAD, "event_ahead.sql", with_bitmaps);
statement!(SUMMARIZE, "event_summarize.sql");

thread_local! {
    /// The page of the history behind the last range that this process has summarized.
    static NEXT_PAGE: Cell<i64> = const { Cell::new(0) };
}

/// An event.
pub(crate) struct Event {
    pub(crate) position: i64,
    pub(crate) name: String,
    pub(crate) run_id: String,
    pub(crate) time: TimestampWithTimeZone,
    pub(crate) body: Stored,
}

/// Up to `max_events` events after the position that `start` gives. It is asked again with each snapshot that is read with,
/// after that was taken.
///
/// At first any running transaction of the server holds events back. If that leaves none to return, only transactions do
/// that may have drawn a position, which requires reading the locks. They are read after the last position and before a
/// snapshot is taken: a transaction that is missed has drawn a greater position, or has ended, and the snapshot shows its
/// rows. So this needs a new snapshot, and locks, which a standby does not have for its primary's transactions.
pub(crate) fn after(start: impl Fn() -> i64, max_events: i32, scope: &EventScope) -> Vec<Event> {
    let last = last();
    let reader = Reader {
        after: start(),
        max_events,
        scope,
        last,
    };
    let events = reader.read(None);
    if !events.is_empty() || reader.is_at_end() || !may_look_again() {
        return events;
    }
    let writers = WRITERS.query(arguments!(WRITERS {}), cell!(WRITERS.transactionid));
    with_new_snapshot(|| {
        let after = start();
        Reader { after, ..reader }.read(Some(&writers))
    })
}

/// Summarizes what was written to the end of the history since the session's last call: until then each reader of events reads
/// it. Autovacuum does it once a minute. While another session vacuums the table or changes it, this does nothing.
pub(crate) fn summarize() {
    if !locks::try_care(c"snapshot") {
        return;
    }
    let next = SUMMARIZE.query(
        arguments!(SUMMARIZE {
            first_page: NEXT_PAGE.get()
        }),
        cell!(SUMMARIZE.next_page),
    );
    locks::end_care(c"snapshot");
    NEXT_PAGE.set(next.into_iter().next().unwrap_or_default());
}

/// The last position of a row drawn so far.
pub(crate) fn last() -> i64 {
    LAST.query(arguments!(LAST {}), cell!(LAST.last_value))
        .pop()
        .unwrap_or_default()
}

/// Whether a shard has events, or has lost some, behind the last position drawn so far.
pub(crate) fn are_ahead(shard: Shard) -> bool {
    AHEAD
        .query(arguments!(AHEAD { shard }), cell!(AHEAD.exists))
        .pop()
        .unwrap_or_default()
}

/// Whether a row has more events after one of its own.
pub(crate) fn has_more(row_position: i64, position: i64) -> bool {
    REST.query(
        arguments!(REST {
            position,
            row_position
        }),
        cell!(REST.exists),
    )
    .pop()
    .unwrap_or_default()
}

/// Whether this transaction may take a new snapshot, and this server knows the locks of all writers.
fn may_look_again() -> bool {
    // SAFETY: a plain integer of this process, and a flag in shared memory.
    unsafe {
        pg_sys::XactIsoLevel <= pg_sys::XACT_READ_COMMITTED as i32 && !pg_sys::RecoveryInProgress()
    }
}

/// Runs `read`, whose statements see everything that was committed before.
fn with_new_snapshot<T>(read: impl FnOnce() -> T) -> T {
    // SAFETY: pushed and popped in pairs; an error in between aborts the transaction, which pops it.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot()) };
    let result = read();
    // SAFETY: the snapshot that was pushed above.
    unsafe { pg_sys::PopActiveSnapshot() };
    result
}

/// The request.
struct Reader<'a> {
    after: i64,
    max_events: i32,
    scope: &'a EventScope,
    /// The last position drawn before the search for transactions that hold events back.
    last: i64,
}

impl Reader<'_> {
    /// Whether no position was drawn after the row of `after`.
    fn is_at_end(&self) -> bool {
        self.last < self.after / EVENTS_PER_ROW
    }

    /// Events that nothing holds back: neither one of `writers`, by their ids without an epoch, nor, if these are unknown,
    /// any running transaction. Moves forward in windows: positions of transactions that rolled back leave gaps.
    fn read(&self, writers: Option<&Vec<i64>>) -> Vec<Event> {
        // Read after the snapshot with which the windows are read: no row of this server in it can have a greater horizon.
        // SAFETY: reads a counter in shared memory.
        let next_transaction = unsafe { pg_sys::ReadNextFullTransactionId() }.value as i64;
        let oldest = writers.map(|writers| oldest(writers, next_transaction));
        // The row of `after` may have more events.
        let mut start = self.after / EVENTS_PER_ROW - 1;
        let mut width = i64::from(self.max_events) + 1;
        loop {
            let end = start.saturating_add(width).min(self.last);
            let events = READ.query(
                arguments!(READ {
                    after: self.after,
                    after_position: start,
                    up_to_position: end,
                    max_events: self.max_events,
                    of_shard: self.scope.shard(),
                    away: self.scope.away(),
                    next_transaction,
                    oldest_transaction: oldest
                }),
                decode,
            );
            if !events.is_empty() || end >= self.last {
                return events;
            }
            // Later rows may be complete already: a horizon is read a moment after its position was drawn, so that a smaller
            // position may have the greater horizon.
            let after = start.max(self.after / EVENTS_PER_ROW);
            let held_back = HELD_BACK.query(
                arguments!(HELD_BACK {
                    after_position: after,
                    up_to_position: end,
                    of_shard: self.scope.shard(),
                    away: self.scope.away(),
                    next_transaction,
                    oldest_transaction: oldest
                }),
                cell!(HELD_BACK.exists),
            );
            if held_back.into_iter().any(|is_held_back: bool| is_held_back) {
                return events;
            }
            start = end;
            width = width.saturating_mul(2);
        }
    }
}

/// The oldest of `writers`, with its epoch; without any, every horizon is before it.
fn oldest(writers: &[i64], next_transaction: i64) -> i64 {
    const EPOCH: i64 = 1 << 32;
    let whole = |id: &i64| next_transaction - (next_transaction - id).rem_euclid(EPOCH);
    writers.iter().map(whole).min().unwrap_or(i64::MAX)
}

fn decode(cells: &Cells<READ>) -> Event {
    Event {
        position: cell!(cells, READ.position),
        name: cell!(cells, READ.name),
        run_id: cell!(cells, READ.run_id),
        time: cell!(cells, READ.time),
        body: cell!(cells, READ.body),
    }
}
