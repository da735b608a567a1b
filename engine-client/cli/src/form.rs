//! Values in a form for people.

use console::Style;
use serde_json::Value;

/// Text from the database without terminal control characters, on one line.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            plain.extend(character.escape_default());
        } else {
            plain.push(character);
        }
    }
    plain
}

/// A value as text: strings unchanged, empty for null.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    }
}

/// A whole number with grouped thousands.
pub fn count(value: &Value) -> String {
    let Some(number) = value.as_i64() else {
        return text(value);
    };
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    if number < 0 {
        grouped.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A duration, given in milliseconds, in its two greatest units.
pub fn span(value: &Value) -> String {
    let Some(ms) = value.as_i64() else {
        return text(value);
    };
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match () {
        () if ms < 1000 => format!("{ms} ms"),
        () if minutes < 1 => format!("{seconds} s"),
        () if hours < 1 => format!("{minutes} min {} s", seconds % 60),
        () if days < 1 => format!("{hours} h {} min", minutes % 60),
        () => format!("{days} d {} h", hours % 24),
    }
}

/// A moment to the second: `2026-01-01 10:00:00+00:00`.
pub fn moment(value: &Value) -> String {
    let text = text(value);
    let Some((date, time)) = text.split_once('T') else {
        return text;
    };
    let zone = time.find(['+', '-', 'Z']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone);
    let time = time.split_once('.').map_or(time, |(seconds, _)| seconds);
    format!("{date} {time}{zone}")
}

/// A [`rate`] at which nothing happens.
pub const NONE_PER_SECOND: &str = "0.0";

/// A rate per second.
pub fn rate(value: &Value) -> String {
    value
        .as_f64()
        .map_or_else(String::new, |rate| format!("{rate:.1}"))
}

/// The colour of a status.
pub fn status(text: &str) -> Style {
    match text {
        "COMPLETED_SUCCESSFULLY" => Style::new().green(),
        "COMPLETED_WITH_ERRORS" | "SYSTEM_FAILURE" | "CRASHED" | "INTERRUPTED" | "TIMED_OUT" => {
            Style::new().red()
        }
        "CANCELED" | "EXPIRED" | "PENDING_CANCEL" | "RETRYING_AFTER_FAILURE" => {
            Style::new().yellow()
        }
        "EXECUTING" | "EXECUTING_WITH_WAITPOINTS" | "PENDING_EXECUTING" | "DEQUEUED" => {
            Style::new().cyan()
        }
        _ => Style::new(),
    }
}

/// A status in its colour.
pub fn coloured_status(value: &Value) -> String {
    let text = text(value);
    status(&text).apply_to(&text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_have_their_thousands_apart() {
        let counts = [0, 999, 1000, 1_234_567, -1000].map(|number| count(&json!(number)));
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567", "-1,000"]);
    }

    #[test]
    fn a_span_is_read_in_its_two_greatest_units() {
        let spans = [350, 12_999, 60_000, 3_725_000, 93_600_000].map(|ms| span(&json!(ms)));
        assert_eq!(
            spans,
            ["350 ms", "12 s", "1 min 0 s", "1 h 2 min", "1 d 2 h"]
        );
    }

    #[test]
    fn a_moment_is_read_to_the_second_with_its_zone() {
        for (given, read) in [
            (
                "2026-01-01T10:00:00.123456+00:00",
                "2026-01-01 10:00:00+00:00",
            ),
            ("2026-01-01T10:00:00-03:30", "2026-01-01 10:00:00-03:30"),
        ] {
            assert_eq!(moment(&json!(given)), read);
        }
    }

    #[test]
    fn text_from_the_database_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\\nc");
    }
}
