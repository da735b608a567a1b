//! The words of a filter, in the order of URLs.

use super::key::KEYS;
use super::typed::typed_words;
use crate::url::Words;

/// A filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Keys and values as they were written.
    words: Vec<(&'static str, String)>,
}

impl Filter {
    /// Reads the words of a URL; what is unknown is left out.
    pub(crate) fn read(words: &Words) -> Self {
        let mut filter = Self::default();
        for key in KEYS {
            for value in words.all(key) {
                filter.words.push((key, value.trim().to_owned()));
            }
        }
        filter
    }

    /// Adds what was typed: `key:value`, separated by spaces; a word without a key is text of an error.
    pub(crate) fn typed(mut self, text: &str) -> Self {
        for (key, value) in typed_words(text) {
            self.add(key, value);
        }
        self
    }

    fn add(&mut self, key: &'static str, value: String) {
        // Only tags may be asked for twice: a run has one of everything else.
        if key != "tag" {
            self.words.retain(|(other, _)| *other != key);
        }
        self.words.push((key, value));
        self.words
            .sort_by_key(|(key, _)| KEYS.iter().position(|other| other == key));
    }

    /// The filter with a key that has this value only.
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.words.retain(|(other, _)| *other != key);
        self.add(key, value.into());
        self
    }

    /// The filter without a word.
    pub(crate) fn without(&self, key: &str, value: &str) -> Self {
        let words = self
            .words
            .iter()
            .filter(|(other, text)| *other != key || text != value);
        Self {
            words: words.cloned().collect(),
        }
    }

    /// Whether it matches everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|(key, _)| *key == "env")
    }

    /// Its words, in the order of URLs.
    pub(crate) fn words(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.words.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// It as the words of a URL.
    pub(crate) fn to_words(&self) -> Words {
        self.words().fold(Words::default(), |words, (key, value)| {
            words.with(key, value)
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.words()
            .find(|(other, _)| *other == key)
            .map(|(_, value)| value)
    }

    /// The words for its statuses, if it has any.
    pub(crate) fn statuses(&self) -> Vec<&str> {
        self.get("status")
            .map_or_else(Vec::new, |value| value.split(',').map(str::trim).collect())
    }

    /// The ids of its runs, bare, if it names any.
    pub(crate) fn runs(&self) -> Option<Vec<String>> {
        let ids = self
            .get("run")?
            .split(',')
            .map(|id| id.trim().trim_start_matches("run_").to_owned());
        Some(ids.collect())
    }
}
