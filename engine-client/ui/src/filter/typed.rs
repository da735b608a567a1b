//! A filter that was typed: `key:value`, separated by spaces.

use std::iter;

use super::key::KEYS;

/// The words of a text that was typed. Quotes keep spaces together.
pub(super) fn typed_words(text: &str) -> impl Iterator<Item = (&'static str, String)> {
    let mut rest = text.trim();
    iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            let mut is_quoted = false;
            let end = rest.find(|character: char| {
                is_quoted ^= character == '"';
                character == ' ' && !is_quoted
            });
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            let known = word.split_once(':').and_then(|(key, value)| {
                let key = KEYS.into_iter().find(|known| *known == key)?;
                Some((key, value.replace('"', "")))
            });
            match known {
                Some((_, value)) if value.is_empty() => {}
                Some(known) => return Some(known),
                // All of the rest: errors have spaces.
                None => {
                    let text = format!("{word}{rest}").replace('"', "");
                    rest = "";
                    return Some(("error", text));
                }
            }
        }
    })
}
