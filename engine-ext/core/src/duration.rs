//! Durations as callers write them, such as `1h30m`.

use crate::Refusal;

/// Longest text of a duration, characters.
const MAX_LENGTH: usize = 100;

/// Longest duration, seconds: a century.
const MAX_SECONDS: i64 = 100 * 366 * 24 * 3_600;

/// Units, largest first; `hr` is an alias of `h`.
const UNITS: [(&str, i64); 6] = [
    ("w", 7 * 24 * 3_600),
    ("d", 24 * 3_600),
    ("hr", 3_600),
    ("h", 3_600),
    ("m", 60),
    ("s", 1),
];

/// Reads a duration in seconds: numbers with the units `w`, `d`, `hr` or `h`, `m` and `s`. Of a unit that occurs twice only
/// the first counts.
#[must_use]
pub(crate) fn parse(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > MAX_LENGTH {
        return None;
    }
    let (mut seconds, mut seen) = (0_i64, Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(digits);
        let (unit, unit_seconds) = UNITS.iter().find(|(unit, _)| behind.starts_with(unit))?;
        let number: i64 = number.parse().ok()?;
        if !seen.contains(unit_seconds) {
            seen.push(*unit_seconds);
            seconds = seconds.checked_add(number.checked_mul(*unit_seconds)?)?;
        }
        rest = &behind[unit.len()..];
    }
    (seconds <= MAX_SECONDS).then_some(seconds)
}

/// Reads the duration in a parameter, seconds.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for anything else.
pub(crate) fn check(parameter: &'static str, text: &str) -> Result<i64, Refusal> {
    parse(text).ok_or_else(|| {
        let shown: String = text.chars().take(MAX_LENGTH).collect();
        Refusal::invalid(
            parameter,
            format!("\"{shown}\" is not a duration."),
            "Pass numbers with the units w, d, h, m and s, such as \"1h30m\".",
        )
    })
}

/// Formats a duration.
#[must_use]
pub(crate) fn write(seconds: i64) -> String {
    let mut left = seconds.max(0);
    let mut text = String::new();
    for (unit, unit_seconds) in UNITS.iter().filter(|(unit, _)| *unit != "hr") {
        if left >= *unit_seconds {
            text.push_str(&format!("{}{unit}", left / unit_seconds));
            left %= unit_seconds;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up_and_each_counts_once() {
        for (text, seconds) in [
            ("1s", 1),
            ("1h30m", 5_400),
            ("2hr", 7_200),
            ("1w2d", 777_600),
            ("30m1h", 5_400),
            ("1h2h", 3_600),
            ("1h5hr", 3_600),
            ("0s", 0),
            ("007m", 420),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let long = "1s".repeat(51);
        for text in [
            "",
            "5",
            "s",
            "300ms",
            "1.5h",
            "-1s",
            "1 h",
            "1h ",
            "1y",
            "1H",
            "h1",
            &long,
            "99999999999999999999w",
            "9999999999w",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(check("ttl", "soon").unwrap_err().sqlstate(), "22023");
    }

    #[test]
    fn what_is_written_reads_back() {
        for (seconds, text) in [
            (0, "0s"),
            (600, "10m"),
            (3_661, "1h1m1s"),
            (777_600, "1w2d"),
        ] {
            assert_eq!(write(seconds), text);
            assert_eq!(parse(text), Some(seconds));
        }
    }
}
