//! Events.

use engine_core::check_max_events;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::backend::rows::{Rows, row};
use crate::document::Stored;
use crate::error::OrRaise;
use crate::{api, guc, store};

row! {
    /// An event.
    EventRow {
        position: i64,
        name: String,
        run_id: String,
        time: TimestampWithTimeZone,
        body: Stored,
    }
}

/// Returns the next events after a position, in order, at most `max_events`.
///
/// Pass 0, or NULL, to begin, and then the greatest `position` returned so far. Events come in the order in which the engine
/// decided, and none is ever skipped: an event whose transaction has not ended yet holds back those after it. No other
/// transaction does, except on a standby and in REPEATABLE READ, where any running one may. Names and keys are those of the
/// run engine of trigger.dev.
///
/// # Errors
/// - `22023` if `max_events` is outside 1..=`engine.max_batch`.
#[pg_extern(sql = false)]
fn engine_events(after: Option<i64>, max_events: Option<i32>) -> Rows<EventRow> {
    api::enter().or_raise();
    let max_events = check_max_events(max_events.unwrap_or(100), guc::max_batch()).or_raise();
    let events = store::event::after(after.unwrap_or(0).max(0), max_events);
    Rows::new(events.into_iter().map(|event| EventRow {
        position: event.position,
        name: event.name,
        run_id: event.run_id,
        time: event.time,
        body: event.body,
    }))
}
