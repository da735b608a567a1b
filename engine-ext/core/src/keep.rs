//! Runs whose trigger says how long they are kept: what becomes of them after their end, and when.

use crate::kept_run::{DAY_MS, LONGEST_DAYS};
use crate::{Refusal, RunId, Timestamp, duration};

const MINUTE_MS: i64 = 60_000;

/// Reads how long a run is to be kept: a duration such as `3d`, or a number of seconds. Returns milliseconds.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for anything else, or for more than 36500 days.
pub fn read_keep(text: &str) -> Result<i64, Refusal> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if is_number {
        duration::check("keep", &format!("{text}s"))
    } else {
        duration::check("keep", text)
    }?;
    if seconds > LONGEST_DAYS * DAY_MS / 1000 {
        return Err(Refusal::invalid(
            "keep",
            "It is longer than 36500 days.".to_owned(),
            "Pass up to 36500 days, or nothing for what the policies say.",
        ));
    }
    Ok(seconds * 1000)
}

/// What is due of a run that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepEnd {
    /// Its payload, output and history go; the rest comes later.
    Details,
    /// All of it goes.
    Run,
}

impl KeepEnd {
    /// What is due of a run that is kept for `keep_ms` after `ended_at`. What keeps nothing is known for another day.
    #[must_use]
    pub fn of(keep_ms: i64, ended_at: Timestamp, now: Timestamp) -> Self {
        if keep_ms == 0 && now < Self::last(ended_at) {
            Self::Details
        } else {
            Self::Run
        }
    }

    /// When a run without details is removed.
    #[must_use]
    pub fn last(ended_at: Timestamp) -> Timestamp {
        ended_at.plus_ms(DAY_MS)
    }

    /// When to look again at a run that something else still needs: the longer that takes, the less often.
    #[must_use]
    pub fn again(ended_at: Timestamp, now: Timestamp) -> Timestamp {
        let past_ms = now.ms_since(ended_at);
        now.plus_ms((past_ms / 10).clamp(MINUTE_MS, DAY_MS))
    }
}

/// Refuses to repeat a run of which nothing is kept.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`).
pub fn check_details(run_id: &RunId, keeps_nothing: bool) -> Result<(), Refusal> {
    if !keeps_nothing {
        return Ok(());
    }
    Err(Refusal::invalid(
        "run_id",
        format!(
            "Run \"{}\" has ended, and its trigger said that nothing of it is kept.",
            run_id.as_str()
        ),
        "Trigger it anew, with its payload.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDED: Timestamp = Timestamp::from_micros(0);

    #[test]
    fn a_keep_is_a_duration_or_a_number_of_seconds() {
        for (text, ms) in [
            ("0", 0),
            ("0s", 0),
            ("90", 90_000),
            ("3d", 3 * DAY_MS),
            ("1h30m", 5_400_000),
        ] {
            assert_eq!(read_keep(text), Ok(ms), "{text}");
        }
        for text in [
            "",
            "-1",
            "soon",
            "36501d",
            "99999999999",
            "99999999999999999999",
        ] {
            assert_eq!(read_keep(text).unwrap_err().sqlstate(), "22023", "{text}");
        }
    }

    #[test]
    fn a_run_that_keeps_nothing_is_known_for_a_day() {
        let at = |ms| ENDED.plus_ms(ms);
        assert_eq!(KeepEnd::of(0, ENDED, at(0)), KeepEnd::Details);
        assert_eq!(KeepEnd::of(0, ENDED, at(DAY_MS - 1)), KeepEnd::Details);
        assert_eq!(KeepEnd::of(0, ENDED, KeepEnd::last(ENDED)), KeepEnd::Run);
        assert_eq!(KeepEnd::of(1000, ENDED, at(1000)), KeepEnd::Run);
    }

    #[test]
    fn what_is_still_needed_is_looked_at_less_and_less_often() {
        let pause = |past_ms: i64| {
            let now = ENDED.plus_ms(past_ms);
            KeepEnd::again(ENDED, now).ms_since(now)
        };
        assert_eq!((pause(0), pause(3_600_000)), (MINUTE_MS, 360_000));
        assert_eq!(pause(300 * DAY_MS), DAY_MS);
    }
}
