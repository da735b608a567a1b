//! Which runs a call is about.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::time::to_rfc3339;
use crate::{BatchId, RunId, RunStatus};

/// Runs that match every condition that is set, and there must be one. A condition that is set again matches either value.
///
/// ```
/// use engine_client::{RunFilter, RunStatus};
///
/// let failed = RunFilter::default().task("resize").status(RunStatus::CompletedWithErrors);
/// let person = RunFilter::default().tag("user:42");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RunFilter(Map<String, Value>);

impl RunFilter {
    /// All runs.
    pub fn all() -> Self {
        Self(Map::from_iter([("all".to_owned(), json!(true))]))
    }

    fn or(mut self, condition: &str, value: String) -> Self {
        let values = self.0.entry(condition).or_insert_with(|| json!([]));
        if let Value::Array(values) = values {
            values.push(Value::String(value));
        }
        self
    }

    fn with(mut self, condition: &str, value: String) -> Self {
        self.0.insert(condition.to_owned(), Value::String(value));
        self
    }

    /// Only this run.
    pub fn run_id(self, run_id: &RunId) -> Self {
        self.or("run_id", run_id.as_str().to_owned())
    }

    /// Only runs of this status.
    pub fn status(self, status: RunStatus) -> Self {
        self.or("status", status.as_str().to_owned())
    }

    /// Only runs of this environment.
    pub fn environment_id(self, environment_id: impl Into<String>) -> Self {
        self.or("environment_id", environment_id.into())
    }

    /// Only runs of this task.
    pub fn task(self, task: impl Into<String>) -> Self {
        self.or("task", task.into())
    }

    /// Only runs of this queue.
    pub fn queue(self, queue: impl Into<String>) -> Self {
        self.or("queue", queue.into())
    }

    /// Only runs with this tag.
    pub fn tag(self, tag: impl Into<String>) -> Self {
        self.or("tag", tag.into())
    }

    /// Only runs whose metadata has this key or, given as `key=value`, has this value there: a text, or what is printed of a number or
    /// a boolean.
    pub fn metadata(self, key: impl Into<String>) -> Self {
        self.or("metadata", key.into())
    }

    /// Only runs with this concurrency key.
    pub fn concurrency_key(self, key: impl Into<String>) -> Self {
        self.or("concurrency_key", key.into())
    }

    /// Only runs of this worker version.
    pub fn version(self, version: impl Into<String>) -> Self {
        self.or("version", version.into())
    }

    /// Only runs of this worker queue.
    pub fn worker_queue(self, worker_queue: impl Into<String>) -> Self {
        self.or("worker_queue", worker_queue.into())
    }

    /// Only runs whose error has this code, or this name. Without a status, these are runs that failed.
    pub fn error_code(self, code: impl Into<String>) -> Self {
        self.or("error_code", code.into())
    }

    /// Only runs whose error contains this text, in whatever case: its name, code and message, with a space between them. Without a
    /// status, these are runs that failed.
    pub fn error(self, text: impl Into<String>) -> Self {
        self.with("error", text.into())
    }

    /// Only runs of this batch.
    pub fn batch_id(self, batch_id: &BatchId) -> Self {
        self.with("batch_id", batch_id.as_str().to_owned())
    }

    /// Only runs that this run has triggered.
    pub fn parent_run_id(self, run_id: &RunId) -> Self {
        self.with("parent_run_id", run_id.as_str().to_owned())
    }

    /// Only runs that were part of this bulk action.
    pub fn bulk_id(self, bulk_id: impl Into<String>) -> Self {
        self.with("bulk_id", bulk_id.into())
    }

    /// Only runs that were triggered after this moment.
    pub fn created_after(self, moment: SystemTime) -> Self {
        self.with("created_after", to_rfc3339(moment))
    }

    /// Only runs that were triggered before this moment.
    pub fn created_before(self, moment: SystemTime) -> Self {
        self.with("created_before", to_rfc3339(moment))
    }

    /// Only runs that ended after this moment.
    pub fn finished_after(self, moment: SystemTime) -> Self {
        self.with("finished_after", to_rfc3339(moment))
    }

    /// Only runs that ended before this moment.
    pub fn finished_before(self, moment: SystemTime) -> Self {
        self.with("finished_before", to_rfc3339(moment))
    }
}
