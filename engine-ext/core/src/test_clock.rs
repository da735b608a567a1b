//! The clock that tests move.

use crate::{Refusal, Timestamp};

/// The first moment of the year 9000, milliseconds since 1970. What a call adds to the time of the clock, such as a deadline, then stays
/// within the years that every reader of times knows.
const LAST_MS: i64 = 221_845_392_000_000;

/// Checks the moment to which tests move a clock that shows `now`. It never goes back: what is due is found by times that are
/// written in their order.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for a moment that has passed, or after the year 8999.
pub fn check_test_clock(at: Timestamp, now: Timestamp) -> Result<Timestamp, Refusal> {
    if at >= Timestamp::from_unix_ms(LAST_MS) {
        return Err(Refusal::invalid(
            "at",
            format!("{} is after the year 8999.", at.to_rfc3339()),
            "Pass a moment before.",
        ));
    }
    if at >= now {
        return Ok(at);
    }
    Err(Refusal::invalid(
        "at",
        format!(
            "The clock of the database already shows {}.",
            now.to_rfc3339()
        ),
        "Pass a later moment, or begin with a new database.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_clock_goes_forward_only() {
        let now = Timestamp::from_unix_ms(1_000);
        assert_eq!(
            check_test_clock(now.plus_ms(1), now).ok(),
            Some(now.plus_ms(1))
        );
        assert_eq!(check_test_clock(now, now).ok(), Some(now));
        let back = check_test_clock(now.plus_ms(-1), now);
        assert_eq!(back.map_err(|refusal| refusal.sqlstate()), Err("22023"));
    }

    #[test]
    fn a_test_clock_leaves_room_for_what_is_reckoned_from_it() {
        let now = Timestamp::from_unix_ms(1_000);
        let last = Timestamp::parse_rfc3339("9000-01-01T00:00:00Z").unwrap();
        assert!(check_test_clock(last.plus_ms(-1), now).is_ok());
        let after = check_test_clock(last, now);
        assert_eq!(after.map_err(|refusal| refusal.sqlstate()), Err("22023"));
    }
}
