//! Conversion of values for statements.

use engine_core::Timestamp;
use pgrx::datum::{Interval, TimestampWithTimeZone};

/// One array argument: a field of every row.
pub(crate) fn column<'a, R, T>(rows: &'a [R], field: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

/// Converts a moment for SPI.
pub(crate) fn time(moment: Timestamp) -> TimestampWithTimeZone {
    match TimestampWithTimeZone::try_from(moment.micros()) {
        Ok(time) => time,
        // Core's arithmetic saturates far beyond the range of Postgres.
        Err(_) if moment.micros() < 0 => TimestampWithTimeZone::negative_infinity(),
        Err(_) => TimestampWithTimeZone::positive_infinity(),
    }
}

/// Converts a time of this many milliseconds, in whole days as far as possible.
pub(crate) fn interval(ms: i64) -> Interval {
    const DAY_MS: i64 = 24 * 3_600_000;
    let days = i32::try_from(ms / DAY_MS).unwrap_or(i32::MAX);
    match Interval::new(0, days, ms % DAY_MS * 1000) {
        Ok(interval) => interval,
        Err(_) => unreachable!("days and the rest have the same sign"),
    }
}

/// The number of elements, as statements count.
pub(crate) fn count<T>(items: &[T]) -> i32 {
    i32::try_from(items.len()).unwrap_or(i32::MAX)
}
