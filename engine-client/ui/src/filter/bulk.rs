//! A filter as that of a bulk operation.

use serde_json::{Map, Value, json};

use super::condition::LIVE;
use super::words::Filter;
use crate::moment::Moment;
use crate::part::status::statuses_of;

impl Filter {
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
}
