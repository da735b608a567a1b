//! Conversion of times and durations for SQL; everywhere else they are `SystemTime` and `Duration`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serializer;

const SECONDS_PER_DAY: i64 = 86_400;

/// Whole milliseconds, at most `i64::MAX`.
pub(crate) fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Whole milliseconds for a parameter of type integer, at most `i32::MAX`.
pub(crate) fn to_ms_i32(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

/// A number of milliseconds that the server sent; a negative one counts as zero.
pub(crate) fn from_ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// Whole seconds, rounded up so that a short limit does not become zero.
pub(crate) fn to_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// A number of seconds that the server sent; a negative one counts as zero.
pub(crate) fn from_seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// `2026-01-31T12:00:00.000000Z`: JSON has no time, and Postgres reads this format under every `DateStyle`.
pub(crate) fn to_rfc3339(at: SystemTime) -> String {
    let micros = match at.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    };
    let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (year, month, day) = civil_date(seconds.div_euclid(SECONDS_PER_DAY));
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{micros:06}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// The Gregorian date `days` after 1970-01-01. The year is counted from March, so that the leap day is its
/// last day, in eras of 400 years, after which the calendar repeats.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// Formats a duration for the engine.
pub(crate) fn to_text(duration: Duration) -> String {
    format!("{}s", to_seconds(duration))
}

/// For `#[serde(serialize_with)]`: RFC 3339 text, or nothing.
pub(crate) fn serialize_time<S: Serializer>(
    value: &Option<SystemTime>,
    out: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(at) => out.serialize_str(&to_rfc3339(*at)),
        None => out.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_to_the_microsecond_in_utc() {
        let at = UNIX_EPOCH + Duration::from_micros(1_709_210_096_000_789);
        assert_eq!(to_rfc3339(at), "2024-02-29T12:34:56.000789Z");
        assert_eq!(to_rfc3339(UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn a_time_before_1970_is_written_too() {
        let at = UNIX_EPOCH - Duration::from_micros(1);
        assert_eq!(to_rfc3339(at), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn calendar_borders_are_kept() {
        assert_eq!(civil_date(-1), (1969, 12, 31));
        assert_eq!(civil_date(11_016), (2000, 2, 29));
        assert_eq!(civil_date(11_017), (2000, 3, 1));
        assert_eq!(civil_date(47_540), (2100, 2, 28));
        assert_eq!(civil_date(47_541), (2100, 3, 1));
    }

    #[test]
    fn durations_are_bounded_and_never_negative() {
        assert_eq!(to_ms(Duration::MAX), i64::MAX);
        assert_eq!(to_ms_i32(Duration::from_secs(2)), 2000);
        assert_eq!(from_ms(-1), Duration::ZERO);
        assert_eq!(to_seconds(Duration::from_millis(1)), 1);
        assert_eq!(to_seconds(Duration::from_secs(5)), 5);
    }
}
