//! Fingerprints of error messages: the same for messages that differ in numbers, ids, quoted texts, addresses and paths only.

/// Most characters of a message that are read.
const MAX_READ: usize = 1_000;

/// Most characters of a fingerprint.
const MAX_LENGTH: usize = 120;

/// Stands for what was quoted, an address, or a path.
const TEXT: char = '…';

/// Stands for a number, an id, or a word with a digit.
const NUMBER: char = '0';

/// What messages of this kind have in common.
pub(crate) fn fingerprint(message: &str) -> String {
    let message: Vec<char> = message.chars().take(MAX_READ).collect();
    let mut found = String::new();
    let mut rest = message.as_slice();
    let mut before = None;
    while let Some(first) = rest.first().copied() {
        let (length, stands_for) = match quoted(before, rest) {
            Some(length) => (length, Some(TEXT)),
            None if first.is_whitespace() => (run(rest, char::is_whitespace), Some(' ')),
            None if is_of_word(first) || is_of_path(first) => word(rest),
            None => (1, None),
        };
        match stands_for {
            Some(stands_for) if found.ends_with(stands_for) => (),
            Some(stands_for) => found.push(stands_for),
            None => found.extend(&rest[..length]),
        }
        before = rest.get(length - 1).copied();
        rest = &rest[length..];
    }
    found.trim().chars().take(MAX_LENGTH).collect()
}

/// The length of the quoted text that `rest` begins with. An apostrophe within a word quotes nothing.
fn quoted(before: Option<char>, rest: &[char]) -> Option<usize> {
    let close = match rest.first()? {
        quote @ ('"' | '`') => *quote,
        '\'' if !before.is_some_and(char::is_alphanumeric) => '\'',
        '“' => '”',
        '«' => '»',
        _ => return None,
    };
    let end = rest[1..].iter().position(|next| *next == close)?;
    Some(end + 2)
}

/// The length of the word that `rest` begins with, and what stands for it, if anything does.
fn word(rest: &[char]) -> (usize, Option<char>) {
    let is_inside = |place: usize| match rest[place] {
        next if is_of_word(next) || is_of_path(next) => true,
        '-' | '.' | ':' | ',' | '@' | '%' | '?' | '=' | '&' | '+' => rest
            .get(place + 1)
            .copied()
            .is_some_and(|next| is_of_word(next) || is_of_path(next)),
        _ => false,
    };
    let length = (1..rest.len()).find(|place| !is_inside(*place));
    let length = length.unwrap_or(rest.len());
    let word = &rest[..length];
    let is_address = word.contains(&'@') || word.windows(3).any(|part| part == [':', '/', '/']);
    if is_address || is_path(word) {
        (length, Some(TEXT))
    } else if word.iter().any(|next| next.is_numeric()) {
        (length, Some(NUMBER))
    } else {
        (length, None)
    }
}

/// Whether a word is a path: it begins with a separator, or has two of them.
fn is_path(word: &[char]) -> bool {
    let separators = word.iter().filter(|next| is_of_path(**next)).count();
    word.len() > 1 && (separators > 1 || separators == 1 && is_of_path(word[0]))
}

fn is_of_word(next: char) -> bool {
    next.is_alphanumeric() || next == '_'
}

fn is_of_path(next: char) -> bool {
    matches!(next, '/' | '\\' | '~')
}

/// How many characters at the beginning are like that.
fn run(rest: &[char], is_like: impl Fn(char) -> bool) -> usize {
    let end = rest.iter().position(|next| !is_like(*next));
    end.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of one kind, and what they have in common.
    const KINDS: &[(&[&str], &str)] = &[
        (
            &[
                "order 4711 not found",
                "order 0d9f-77 not found",
                "order 7 not found",
                "order ord_8Gh21 not found",
                "order 6f1c2a00-1111-4222-8333-444455556666 not found",
            ],
            "order 0 not found",
        ),
        (
            &[
                "column \"total\" does not exist",
                "column 'a b' does not exist",
                "column `x` does not exist",
                "column “ß” does not exist",
            ],
            "column … does not exist",
        ),
        (
            &[
                "cannot open /var/lib/app/7.json: denied",
                "cannot open ~/notes.txt: denied",
                "cannot open C:\\data\\x.csv: denied",
                "cannot open https://example.org/a?b=c: denied",
                "cannot open someone@example.org: denied",
            ],
            "cannot open …: denied",
        ),
        (
            &[
                "timed out after 1.5 s at 10.0.0.1:5432",
                "timed out after  30 s at 10.12.0.99:5433",
            ],
            "timed out after 0 s at 0",
        ),
        (
            &["can't connect, read/write failed"],
            "can't connect, read/write failed",
        ),
        (&["", "  "], ""),
        (&["…"], "…"),
    ];

    #[test]
    fn messages_of_one_kind_have_one_fingerprint() {
        for (messages, expected) in KINDS {
            for message in *messages {
                assert_eq!(fingerprint(message), *expected, "{message}");
            }
        }
    }

    #[test]
    fn messages_of_different_kinds_have_different_fingerprints() {
        let all: Vec<&str> = KINDS.iter().map(|(_, expected)| *expected).collect();
        for (place, one) in all.iter().enumerate() {
            assert!(!all[place + 1..].contains(one), "{one}");
        }
    }

    #[test]
    fn a_fingerprint_is_bounded_and_found_for_any_text() {
        let texts = [
            "\"".repeat(5_000),
            "a/".repeat(5_000),
            "'ä".repeat(5_000),
            "x".repeat(5_000),
            "- . : @ ~ \\ \u{0}\u{7}\n".repeat(500),
        ];
        for text in texts {
            assert!(fingerprint(&text).chars().count() <= MAX_LENGTH);
        }
    }
}
