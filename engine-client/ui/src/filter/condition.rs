//! A filter as the condition of the statement that lists runs.

use serde_json::{Map, Value, json};

use super::key::EXCLUDED;
use super::time::{duration_ms, moment};
use super::words::Filter;
use crate::moment::Moment;
use crate::part::status::{self, statuses_of};
use crate::query::run_list::Among;

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

impl Filter {
    /// Where its runs are found soonest.
    pub(crate) fn among(&self) -> Among {
        let condition = self.condition(Moment(0));
        for (key, among) in [
            ("batch", Among::Batch),
            ("parent", Among::Parent),
            ("dead", Among::Failed),
        ] {
            if condition.contains_key(key) {
                return among;
            }
        }
        let Some(Value::Array(statuses)) = condition.get("status") else {
            if self.is_of_an_error() {
                return Among::Failed;
            }
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

    /// Whether it asks for an error, and for no status: that is about runs that failed.
    fn is_of_an_error(&self) -> bool {
        self.get("status").is_none() && (self.get("error").is_some() || self.get("code").is_some())
    }

    /// Whether all of its runs have ended.
    fn is_of_ended(&self) -> bool {
        let statuses = self.statuses();
        let ended = |word: &str| {
            let live = |statuses: &[&str]| statuses.iter().any(|status| LIVE.contains(status));
            !statuses_of(word).is_some_and(live)
        };
        self.is_of_an_error() || !statuses.is_empty() && statuses.iter().all(|word| ended(word))
    }

    /// The condition of a bound in time: when runs ended, where all of them have, and otherwise when they were triggered.
    fn time(&self, key: &str) -> String {
        let moment = if self.is_of_ended() {
            "finished"
        } else {
            "created"
        };
        let bound = if key == "to" { "before" } else { "after" };
        format!("{moment}_{bound}")
    }

    /// The condition of the statement.
    pub(crate) fn condition(&self, now: Moment) -> Map<String, Value> {
        let mut condition = Map::new();
        for (key, value) in self.words() {
            let (included, excluded): (Vec<&str>, Vec<&str>) = values(value)
                .partition(|value| !(EXCLUDED.contains(&key) && value.starts_with('-')));
            let excluded: Vec<&str> = excluded.iter().map(|value| &value[1..]).collect();
            match key {
                "status" => add_statuses(&mut condition, &included, &excluded),
                "tag" => add_tags(&mut condition, &included, &excluded),
                "error" => {
                    condition.insert("error".to_owned(), json!(value));
                }
                "since" | "until" => {
                    if let Some(back) = duration_ms(value) {
                        let moment = Moment(now.0.saturating_sub(back.saturating_mul(1000)));
                        let bound = if key == "since" { "from" } else { "to" };
                        condition.insert(self.time(bound), json!(moment.iso()));
                    }
                }
                "from" | "to" => {
                    if let Some(moment) = moment(value, now) {
                        condition.insert(self.time(key), json!(moment.iso()));
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
}

fn add_statuses(condition: &mut Map<String, Value>, included: &[&str], excluded: &[&str]) {
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

/// Tags that were asked for apart are all there; of those that commas join, one is.
fn add_tags(condition: &mut Map<String, Value>, included: &[&str], excluded: &[&str]) {
    if !included.is_empty()
        && let Value::Array(groups) = condition.entry("tag").or_insert_with(|| json!([]))
    {
        groups.push(json!(included));
    }
    if !excluded.is_empty() {
        condition.insert("-tag".to_owned(), json!(excluded));
    }
}

/// The values of a word: commas mean or.
fn values(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|value| !value.is_empty())
}

/// An id without its prefix; those of bulk operations keep theirs.
fn bare(key: &str, value: &str) -> Value {
    let prefix = match key {
        "batch" => "batch_",
        "parent" => "run_",
        _ => "",
    };
    json!(value.strip_prefix(prefix).unwrap_or(value))
}
