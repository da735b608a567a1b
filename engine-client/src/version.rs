//! Versions of workers.

use serde_json::{Value, json};
use tokio_postgres::Row;

use crate::Error;

/// A worker version to register, with its tasks and queues.
///
/// ```
/// use engine_client::NewVersion;
/// use serde_json::json;
///
/// let version = NewVersion::new("20260101.1")
///     .task(json!({"id": "resize", "retry": {"maxAttempts": 5}}))
///     .queue(json!({"name": "images", "concurrencyLimit": 10}));
/// ```
#[derive(Debug, Clone)]
pub struct NewVersion {
    pub(crate) environment_id: String,
    pub(crate) version: String,
    pub(crate) tasks: Vec<Value>,
    pub(crate) queues: Vec<Value>,
    pub(crate) image: Option<String>,
    pub(crate) promote: bool,
}

impl NewVersion {
    /// A version that becomes current in the environment `default`, unless a higher one is current.
    pub fn new(version: impl Into<String>) -> Self {
        Self {
            environment_id: "default".to_owned(),
            version: version.into(),
            tasks: Vec::new(),
            queues: Vec::new(),
            image: None,
            promote: true,
        }
    }

    /// The environment. Default: `default`.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = environment_id.into();
        self
    }

    /// Adds a task: an object with its `id`, and defaults for its runs: `retry`, `machine`, `maxDuration` in
    /// seconds, `ttl`.
    pub fn task(mut self, task: Value) -> Self {
        self.tasks.push(task);
        self
    }

    /// Adds tasks by name.
    pub fn tasks<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let tasks = names.into_iter().map(|name| json!({"id": name.into()}));
        self.tasks.extend(tasks);
        self
    }

    /// Declares a queue: an object with its `name` and optionally a `concurrencyLimit`.
    pub fn queue(mut self, queue: Value) -> Self {
        self.queues.push(queue);
        self
    }

    /// The image that workers of this version start from.
    pub fn image(mut self, image: impl Into<String>) -> Self {
        self.image = Some(image.into());
        self
    }

    /// Whether it becomes the current version. Default: true.
    pub fn promote(mut self, promote: bool) -> Self {
        self.promote = promote;
        self
    }
}

/// A registered worker version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    /// The version's environment.
    pub environment_id: String,
    /// The version's name.
    pub version: String,
    /// Whether it is current: then it executes new runs.
    pub is_current: bool,
    /// Number of parked runs that it promoted.
    pub promoted_runs: i32,
}

impl Version {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            environment_id: row.try_get("environment_id")?,
            version: row.try_get("version")?,
            is_current: row.try_get("is_current")?,
            promoted_runs: row.try_get("promoted_runs")?,
        })
    }
}
