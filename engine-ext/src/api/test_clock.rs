//! The clock that tests move.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_extern;

use crate::backend::caller::entries;
use crate::error::{OrRaise, required};
use crate::{api, flow};

entries!(engine_set_test_clock);

/// Moves the clock of the database forward to a moment, for tests, and returns the moment that it shows then.
///
/// It continues from there for every session, worker and tick of this database, at once and whatever becomes of the transaction.
/// It never goes back: give each test a database of its own. Only where a superuser has set `engine.allow_test_clock`. Waits for
/// a time, and views, go by the clock of the system.
///
/// # Errors
/// - `55000` unless the session has `engine.allow_test_clock`.
/// - `22004` without a moment, `22023` for one that has passed, or after the year 8999.
#[pg_extern(sql = false)]
fn engine_set_test_clock(at: Option<TimestampWithTimeZone>) -> TimestampWithTimeZone {
    api::enter_writing().or_raise();
    let at = required("at", api::moment("at", at).or_raise()).or_raise();
    api::time(flow::test_clock::set(at).or_raise())
}
