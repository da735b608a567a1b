//! The filter of a list of runs: read from a URL, written back in one form, and as the condition of a statement.

use std::iter;

use serde_json::{Map, Value, json};

use crate::moment::Moment;
use crate::part::status::{self, statuses_of};
use crate::query::run_list::Among;
use crate::url::Words;

/// The keys of a filter, in the order of URLs.
pub(crate) const KEYS: [&str; 15] = [
    "status", "task", "queue", "error", "tag", "key", "version", "batch", "parent", "bulk", "run",
    "env", "since", "from", "to",
];

/// Keys of which a value may be excluded by a dash before it.
const EXCLUDED: [&str; 4] = ["status", "task", "queue", "tag"];

/// Statuses of runs that have not ended.
const LIVE: [&str; 10] = [
    "RETRYING_AFTER_FAILURE",
    "DEQUEUED",
    "EXECUTING",
    "WAITING_TO_RESUME",
    "PENDING_VERSION",
    "WAITING_FOR_DEPLOY",
    "DELAYED",
    "PENDING",
    "PAUSED",
    "WAITING",
];

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

    fn get(&self, key: &str) -> Option<&str> {
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

    /// Where its runs are found soonest.
    pub(crate) fn among(&self) -> Among {
        let Some(Value::Array(statuses)) = self.condition(Moment(0)).remove("status") else {
            return Among::Newest;
        };
        let among = |known: &[&str]| {
            statuses.iter().all(|status| {
                status
                    .as_str()
                    .is_some_and(|status| known.contains(&status))
            })
        };
        if among(&LIVE) {
            Among::Live
        } else if among(&status::FAILURES) {
            Among::Failed
        } else {
            Among::Newest
        }
    }

    /// The condition of the statement.
    pub(crate) fn condition(&self, now: Moment) -> Map<String, Value> {
        let mut condition = Map::new();
        for (key, value) in self.words() {
            let (included, excluded): (Vec<&str>, Vec<&str>) = values(value)
                .partition(|value| !(EXCLUDED.contains(&key) && value.starts_with('-')));
            let excluded: Vec<&str> = excluded.iter().map(|value| &value[1..]).collect();
            match key {
                "status" => self.add_statuses(&mut condition, &included, &excluded),
                "tag" => {
                    if !included.is_empty() {
                        let groups = condition.entry("tag").or_insert_with(|| json!([]));
                        groups
                            .as_array_mut()
                            .into_iter()
                            .for_each(|groups| groups.push(json!(included)));
                    }
                    if !excluded.is_empty() {
                        condition.insert("-tag".to_owned(), json!(excluded));
                    }
                }
                "error" => {
                    condition.insert("error".to_owned(), json!(value));
                }
                "since" => {
                    if let Some(back) = duration_ms(value) {
                        condition
                            .insert("from".to_owned(), json!(Moment(now.0 - back * 1000).iso()));
                    }
                }
                "from" | "to" => {
                    if let Some(moment) = moment(value, now) {
                        condition.insert(key.to_owned(), json!(moment.iso()));
                    }
                }
                "run" => {}
                _ => {
                    let bare = |value: &&str| bare(key, value);
                    if !included.is_empty() {
                        condition.insert(key.to_owned(), included.iter().map(bare).collect());
                    }
                    if !excluded.is_empty() {
                        condition.insert(format!("-{key}"), json!(excluded));
                    }
                }
            }
        }
        condition
    }

    /// It as the filter of a bulk operation, with the time of now in it; or why it cannot be one: what such a filter does not know
    /// must not be left out.
    pub(crate) fn of_bulk(&self, now: Moment) -> Result<Map<String, Value>, &'static str> {
        let mut bulk = Map::new();
        for (key, value) in self.condition(now) {
            let name = match key.as_str() {
                "task" | "queue" | "version" | "error" | "status" => &key,
                "env" => "environment_id",
                "key" => "concurrency_key",
                "batch" => "batch_id",
                "parent" => "parent_run_id",
                "bulk" => "bulk_id",
                "tag" => "tag",
                "from" if self.is_of_ended() => "finished_after",
                "to" if self.is_of_ended() => "finished_before",
                "from" => "created_after",
                "to" => "created_before",
                "is_waiting" | "dead" => {
                    return Err("Choose another status: a bulk operation does not know this one.");
                }
                _ => {
                    return Err(
                        "Leave out what is excluded with a dash: a bulk operation includes only.",
                    );
                }
            };
            let value = match (name, value) {
                ("tag", Value::Array(mut groups)) if groups.len() == 1 => groups.remove(0),
                ("tag", _) => return Err("Leave only one tag: a bulk operation knows one."),
                (_, value) => value,
            };
            bulk.insert(name.to_owned(), value);
        }
        if let Some(runs) = self.runs() {
            bulk.insert("run_id".to_owned(), json!(runs));
        }
        let statuses = self.statuses();
        if statuses.contains(&"queued") != statuses.contains(&"retrying") {
            return Err(
                "Choose queued and retrying together: a bulk operation does not tell them apart.",
            );
        }
        if bulk.is_empty() {
            return Err("Add something to the filter: an empty one means every run.");
        }
        Ok(bulk)
    }

    /// Whether all of its runs have ended.
    fn is_of_ended(&self) -> bool {
        let statuses = self.statuses();
        let ended = |word: &str| {
            let live = |statuses: &[&str]| statuses.iter().any(|status| LIVE.contains(status));
            !statuses_of(word).is_some_and(live)
        };
        !statuses.is_empty() && statuses.iter().all(|word| ended(word))
    }

    fn add_statuses(
        &self,
        condition: &mut Map<String, Value>,
        included: &[&str],
        excluded: &[&str],
    ) {
        let known = |words: &[&str]| -> Vec<&str> {
            words
                .iter()
                .filter_map(|word| statuses_of(word))
                .flatten()
                .copied()
                .collect()
        };
        if included.contains(&"dead") {
            condition.insert("dead".to_owned(), json!(true));
        } else if !included.is_empty() {
            let mut statuses = known(included);
            // A run that executes and is blocked is one that waits.
            if *included == ["waiting"] {
                statuses.push("EXECUTING");
                condition.insert("is_waiting".to_owned(), json!(true));
            }
            condition.insert("status".to_owned(), json!(statuses));
        }
        if !excluded.is_empty() {
            condition.insert("-status".to_owned(), json!(known(excluded)));
        }
    }
}

/// The values of a word: commas mean or.
fn values(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

/// An id without its prefix.
fn bare(key: &str, value: &str) -> Value {
    let prefix = match key {
        "batch" => "batch_",
        "parent" => "run_",
        "bulk" => "bulk_",
        _ => "",
    };
    json!(if key == "bulk" {
        value
    } else {
        value.strip_prefix(prefix).unwrap_or(value)
    })
}

/// `30m`, `1h`, `7d`, in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    let at = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    let unit = match unit.trim() {
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

/// A moment in full, or a time of today: `02:41`.
fn moment(text: &str, now: Moment) -> Option<Moment> {
    Moment::parse(text).or_else(|| {
        let day = now.iso();
        let (day, _) = day.split_once('T')?;
        Moment::parse(&format!("{day}T{text}"))
    })
}

/// The words of a text that was typed. Quotes keep spaces together.
fn typed_words(text: &str) -> impl Iterator<Item = (&'static str, String)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> Filter {
        Filter::read(&Words::read(query))
    }

    fn condition(query: &str) -> Value {
        let now = Moment::parse("2026-11-29T03:12:40Z").unwrap();
        Value::Object(filter(query).condition(now))
    }

    #[test]
    fn commas_mean_or_repeats_mean_and_a_dash_means_not() {
        assert_eq!(
            condition("tag=a,b&tag=c,-d&queue=-x&task=t,u"),
            json!({"tag": [["a", "b"], ["c"]], "-tag": ["d"], "-queue": ["x"], "task": ["t", "u"]})
        );
        assert_eq!(
            condition("status=failed,timed_out&since=1h"),
            json!({"status": ["COMPLETED_WITH_ERRORS", "TIMED_OUT"], "from": "2026-11-29T02:12:40.000Z"})
        );
        assert_eq!(
            condition("from=02:41"),
            json!({"from": "2026-11-29T02:41:00.000Z"})
        );
    }

    #[test]
    fn what_is_typed_becomes_words_in_one_order() {
        let typed = filter("since=1h").typed("queue:payments status:failed TIMEOUT acquirer");
        assert_eq!(
            typed.to_words().at("/runs"),
            "/runs?status=failed&queue=payments&error=TIMEOUT+acquirer&since=1h"
        );
        let typed = filter("task=a").typed("task:b error:\"no answer\"");
        assert_eq!(typed.to_words().at("/runs"), "/runs?task=b&error=no+answer");
    }

    #[test]
    fn a_list_looks_where_its_runs_are() {
        assert_eq!(filter("status=running,queued").among(), Among::Live);
        assert_eq!(filter("status=failed").among(), Among::Failed);
        assert_eq!(filter("status=failed,queued").among(), Among::Newest);
        assert_eq!(filter("task=t").among(), Among::Newest);
        assert_eq!(filter("status=succeeded").among(), Among::Newest);
    }
}
