//! The clock that tests move.

use crate::{Refusal, Timestamp};

/// Checks the moment to which tests move a clock that shows `now`. It never goes back: what is due is found by times that are
/// written in their order.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for a moment that has passed.
pub fn check_test_clock(at: Timestamp, now: Timestamp) -> Result<Timestamp, Refusal> {
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
}
