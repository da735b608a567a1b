//! Truncates texts that quote a caller's values, to one line of a size that a log can hold.

/// Longest quoted part, characters.
const MAX_QUOTED: usize = 100;

/// Longest text in characters, if a value in it contains quotes itself.
const MAX_TEXT: usize = 300;

/// The text on one line, with long quoted values truncated.
pub(super) fn brief(text: &str) -> String {
    let cut = |(index, part): (usize, &str)| {
        // Every other part is quoted; the words around it are ours, and shorter than twice that.
        let longest = if index % 2 == 1 {
            MAX_QUOTED
        } else {
            2 * MAX_QUOTED
        };
        match part.char_indices().nth(longest) {
            Some((end, _)) => format!("{}…", &part[..end]),
            None => part.to_owned(),
        }
    };
    let parts: Vec<String> = text.split('"').enumerate().map(cut).collect();
    let text = printable(&parts.join("\""));
    // A value that contains quotes looks like several.
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last && text.chars().nth(MAX_TEXT).is_some() => {
            let quoted: String = text[first + 1..last].chars().take(MAX_QUOTED).collect();
            format!("{}{quoted}…{}", &text[..=first], &text[last..])
        }
        _ => text,
    }
}

/// The text with control characters escaped.
pub(super) fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use crate::{Refusal, Shard};

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        let refusal = Refusal::UnknownVersion {
            version: "a\nb\u{1}".to_owned(),
        };
        assert_eq!(refusal.message(), "version \"a\\nb\\u{1}\" does not exist");
    }

    #[test]
    fn a_message_quotes_at_most_a_hundred_characters() {
        let refusal = Refusal::UnknownEnvironment {
            environment_id: "ä".repeat(5_000_000),
        };
        let quoted = format!("environment \"{}…\" does not exist", "ä".repeat(100));
        assert_eq!(refusal.message(), quoted);
        let refusal = Refusal::UnknownEnvironment {
            environment_id: "[\"a\", ".repeat(1_000),
        };
        let quoted = "[\"a\", ".repeat(16);
        let message = format!("environment \"{quoted}[\"a\"…\" does not exist");
        assert_eq!(refusal.message(), message);
        let detail = format!("{} is not an integer in range.", "9".repeat(5_000_000));
        let refusal = Refusal::invalid("index", detail, "Pass one.").in_element(1);
        assert!(refusal.detail().chars().count() < 250);
        // But for what a client needs whole.
        let place = format!("host={} dbname=app", "a".repeat(900));
        let elsewhere = Refusal::ShardElsewhere {
            shard: Shard::FIRST,
            place: Some(place.clone()),
        };
        assert_eq!(elsewhere.detail(), format!("It is at \"{place}\"."));
        assert!(elsewhere.in_element(1).detail().contains(&place));
        let short = Refusal::MissingValue { parameter: "task" };
        assert_eq!(short.message(), "\"task\" must not be null");
    }
}
