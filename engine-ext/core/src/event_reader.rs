//! Readers of events: where they may continue, and what is kept for them.

use crate::{Refusal, Timestamp};

/// Distance of the positions of two rows: most events of one row.
pub const EVENTS_PER_ROW: i64 = 8;
/// Age up to which events are kept for a reader that states none, milliseconds: two weeks.
pub const DEFAULT_MAX_LAG_MS: i64 = 14 * DAY_MS;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MIN_MAX_LAG_MS: i64 = 1000;
const MAX_MAX_LAG_MS: i64 = 3650 * DAY_MS;

/// Checks that a reader which continues after an event has missed none: `horizon` is the last event that was removed.
///
/// # Errors
/// [`Refusal::EventsRemoved`] (`RE015`).
pub fn check_kept(after: i64, horizon: i64) -> Result<(), Refusal> {
    if after < horizon {
        let first = horizon.saturating_add(1);
        return Err(Refusal::EventsRemoved { after, first });
    }
    Ok(())
}

/// Checks the bound of a named reader.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) outside a second and ten years.
pub fn check_max_lag(max_lag_ms: i64) -> Result<i64, Refusal> {
    if (MIN_MAX_LAG_MS..=MAX_MAX_LAG_MS).contains(&max_lag_ms) {
        return Ok(max_lag_ms);
    }
    Err(Refusal::invalid(
        "max_lag_ms",
        format!("{max_lag_ms} is not between {MIN_MAX_LAG_MS} and {MAX_MAX_LAG_MS}."),
        "Pass the age in milliseconds up to which events are kept for the reader.",
    ))
}

/// Checks a position that a named reader has reached; `last_row` is the last row that may have events.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for a negative position, and for one that no event has yet.
pub fn check_reached(
    parameter: &'static str,
    position: i64,
    last_row: i64,
) -> Result<i64, Refusal> {
    let last = last_row
        .saturating_add(1)
        .saturating_mul(EVENTS_PER_ROW)
        .saturating_sub(1);
    if (0..=last).contains(&position) {
        return Ok(position);
    }
    Err(Refusal::invalid(
        parameter,
        format!("{position} is not between 0 and {last}, the last position so far."),
        "Pass the position of an event that engine_events has returned.",
    ))
}

/// What a named reader holds: events of later rows, unless they are older than its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The last row that it has read.
    pub row_position: i64,
    /// Its bound, milliseconds.
    pub max_lag_ms: i64,
}

impl Hold {
    /// Only what happened after this moment is held.
    #[must_use]
    pub fn since(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(-self.max_lag_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_continues_at_the_horizon_and_not_before_it() {
        assert_eq!(check_kept(0, 0), Ok(()));
        assert_eq!(check_kept(17, 17), Ok(()));
        let missed = Refusal::EventsRemoved {
            after: 16,
            first: 18,
        };
        assert_eq!(check_kept(16, 17), Err(missed));
        assert!(check_kept(i64::MAX - 1, i64::MAX).is_err());
    }

    #[test]
    fn a_reader_acknowledges_what_may_exist() {
        assert_eq!(check_reached("up_to", 23, 2), Ok(23));
        assert_eq!(
            check_reached("up_to", 24, 2).unwrap_err().sqlstate(),
            "22023"
        );
        assert!(check_reached("up_to", -1, 2).is_err());
        assert!(check_reached("up_to", i64::MAX - 1, i64::MAX).is_ok());
    }

    #[test]
    fn the_bound_of_a_reader_is_between_a_second_and_ten_years() {
        assert_eq!(check_max_lag(DEFAULT_MAX_LAG_MS), Ok(DEFAULT_MAX_LAG_MS));
        assert!(check_max_lag(999).is_err() && check_max_lag(MAX_MAX_LAG_MS + 1).is_err());
        let hold = Hold {
            row_position: 1,
            max_lag_ms: 1000,
        };
        let now = Timestamp::from_unix_ms(5000);
        assert_eq!(hold.since(now), Timestamp::from_unix_ms(4000));
    }
}
