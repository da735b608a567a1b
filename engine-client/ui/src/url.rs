//! Addresses of pages: all state of a page is there.

use form_urlencoded::{Serializer, parse};

/// The words of a query or of a form, in order; a key may repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words(Vec<(String, String)>);

impl Words {
    /// Reads a query, or the body of a form. Empty values are left out: an empty field of a form says nothing.
    pub(crate) fn read(text: &str) -> Self {
        let words = parse(text.as_bytes()).into_owned();
        Self(
            words
                .filter(|(_, value)| !value.trim().is_empty())
                .collect(),
        )
    }

    /// The first value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let mut words = self.0.iter();
        words
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The values of a key.
    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let words = self.0.iter().filter(move |(name, _)| name == key);
        words.map(|(_, value)| value.as_str())
    }

    /// Adds a word.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.push((key.to_owned(), value.into()));
        self
    }

    /// These words without a key.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.0.retain(|(name, _)| name != key);
        self
    }

    /// These words with a key that has this value only.
    pub(crate) fn set(self, key: &str, value: impl Into<String>) -> Self {
        self.without(key).with(key, value)
    }

    /// `path`, with these words as its query.
    pub(crate) fn at(&self, path: &str) -> String {
        if self.0.is_empty() {
            return path.to_owned();
        }
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&self.0);
        // What a person may read and type stays as it is: a comma needs no escape in a query.
        let query = query
            .finish()
            .replace("%2C", ",")
            .replace("%3A", ":")
            .replace("%2F", "/");
        format!("{path}?{query}")
    }
}

/// A word as a part of a path.
pub(crate) fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_as_they_were() {
        let words = Words::read("status=failed,timed_out&error=TIMEOUT+acquirer&since=&since=1h");
        assert_eq!(words.get("since"), Some("1h"));
        assert_eq!(
            words.at("/runs"),
            "/runs?status=failed,timed_out&error=TIMEOUT+acquirer&since=1h"
        );
        assert_eq!(
            words.without("error").at("/runs"),
            "/runs?status=failed,timed_out&since=1h"
        );
    }

    #[test]
    fn a_name_with_a_slash_is_one_part_of_a_path() {
        assert_eq!(segment("task/a b?"), "task%2Fa%20b%3F");
    }
}
