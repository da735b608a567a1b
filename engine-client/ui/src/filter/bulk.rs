//! A filter as that of a bulk operation.

use serde_json::{Map, Value, json};

use super::words::Filter;
use crate::moment::Moment;

impl Filter {
    /// It as the filter of a bulk operation, with the time of now in it; or why it cannot be one: what such a filter does not know
    /// must not be left out.
    pub(crate) fn of_bulk(&self, now: Moment) -> Result<Map<String, Value>, &'static str> {
        let mut bulk = Map::new();
        for (key, value) in self.condition(now) {
            let name = match key.as_str() {
                "task" | "queue" | "version" | "metadata" | "error" | "status"
                | "created_after" | "created_before" | "finished_after" | "finished_before" => &key,
                "code" => "error_code",
                "worker" => "worker_queue",
                "env" => "environment_id",
                "key" => "concurrency_key",
                "batch" => "batch_id",
                "parent" => "parent_run_id",
                "bulk" => "bulk_id",
                "tag" => "tag",
                "is_waiting" | "dead" => {
                    return Err(
                        "Choose another status: a bulk operation matches those of the engine.",
                    );
                }
                _ => {
                    return Err(
                        "Leave out what is excluded: a bulk operation matches what is included, not what a dash excludes.",
                    );
                }
            };
            let value = match (name, value) {
                ("tag", Value::Array(mut groups)) if groups.len() == 1 => groups.remove(0),
                ("tag", _) => {
                    return Err(
                        "Leave one tag, or several with commas between them: a bulk operation matches runs with one of them.",
                    );
                }
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
}
