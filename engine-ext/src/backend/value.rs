//! Values on their way into statements, and out of them.

use engine_core::Timestamp;
use pgrx::datum::TimestampWithTimeZone;

use super::statement::Cells;

/// One array argument: a field of every row.
pub(crate) fn column<'a, R, T>(rows: &'a [R], field: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

/// A moment, for SPI.
pub(crate) fn time(moment: Timestamp) -> TimestampWithTimeZone {
    match TimestampWithTimeZone::try_from(moment.micros()) {
        Ok(time) => time,
        // Core's arithmetic saturates far outside of what Postgres can say.
        Err(_) if moment.micros() < 0 => TimestampWithTimeZone::negative_infinity(),
        Err(_) => TimestampWithTimeZone::positive_infinity(),
    }
}

/// A column that is a moment.
pub(crate) fn moment(cells: &mut Cells) -> Timestamp {
    Timestamp::from_micros(cells.value::<TimestampWithTimeZone>().into())
}

/// How many there are, as statements count.
pub(crate) fn count<T>(items: &[T]) -> i32 {
    i32::try_from(items.len()).unwrap_or(i32::MAX)
}
