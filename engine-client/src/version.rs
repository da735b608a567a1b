//! Versions of workers.

use serde_json::{Value, json};
use tokio_postgres::Row;

use crate::Error;

/// A version of a worker to be registered, with what it knows.
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
    /// A version that becomes the current one of the environment `default`, unless a higher one is.
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

    /// A task that it knows: an object with its `id`, and what holds for runs that say nothing else: `retry`,
    /// `machine`, `maxDuration` in seconds, `ttl`.
    pub fn task(mut self, task: Value) -> Self {
        self.tasks.push(task);
        self
    }

    /// Tasks that it knows, by their names.
    pub fn tasks<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let tasks = names.into_iter().map(|name| json!({"id": name.into()}));
        self.tasks.extend(tasks);
        self
    }

    /// A queue that it declares: an object with its `name` and perhaps a `concurrencyLimit`.
    pub fn queue(mut self, queue: Value) -> Self {
        self.queues.push(queue);
        self
    }

    /// The image that executes it.
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

/// A version of a worker that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Version {
    /// Its environment.
    pub environment_id: String,
    /// Its name.
    pub version: String,
    /// Whether it is the current one: new runs are done by it.
    pub is_current: bool,
    /// How many runs that waited for it went on.
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
