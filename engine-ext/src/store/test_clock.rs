//! How far tests have moved the clock of the database.

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;

statement!(READ, "test_clock_read.sql");
statement!(SET, "test_clock_set.sql");

/// How far it is ahead of the system's clock, microseconds.
pub(crate) fn ahead_us() -> i64 {
    let ahead = READ.query(arguments!(READ {}), cell!(READ.ahead_us)).pop();
    ahead.unwrap_or_default()
}

/// Moves it, for every session at once, whatever becomes of this transaction.
pub(crate) fn set(ahead_us: i64) {
    let _: Vec<i64> = SET.query(arguments!(SET { ahead_us }), cell!(SET.ahead_us));
}
