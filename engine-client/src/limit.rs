//! Settings of operators: environments and queues.

use std::time::SystemTime;

use serde_json::Value;
use tokio_postgres::Row;

use crate::Error;

/// The parameter value that keeps a limit.
const KEEP: i32 = -1;

/// A new value of a limit, as in SQL: null means no limit.
type LimitChange = Option<i32>;

/// A change of an environment. Fields that are not set keep their values; a new environment starts with the
/// defaults.
///
/// ```
/// use engine_client::EnvironmentChange;
///
/// let change = EnvironmentChange::new("staging").kind("STAGING").concurrency_limit(Some(20));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentChange {
    pub(crate) environment_id: String,
    pub(crate) kind: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) organization_id: Option<String>,
    pub(crate) concurrency_limit: LimitChange,
    pub(crate) burst_factor: Option<f64>,
    pub(crate) is_paused: Option<bool>,
    pub(crate) pause_reason: Option<String>,
    pub(crate) is_archived: Option<bool>,
    pub(crate) requires_version: Option<bool>,
    pub(crate) max_queue_size: LimitChange,
    pub(crate) retry: Option<Value>,
    pub(crate) shard: Option<i32>,
}

impl EnvironmentChange {
    /// A change of this environment without any fields set.
    pub fn new(environment_id: impl Into<String>) -> Self {
        Self {
            environment_id: environment_id.into(),
            kind: None,
            project_id: None,
            organization_id: None,
            concurrency_limit: Some(KEEP),
            burst_factor: None,
            is_paused: None,
            pause_reason: None,
            is_archived: None,
            requires_version: None,
            max_queue_size: Some(KEEP),
            retry: None,
            shard: None,
        }
    }

    /// `PRODUCTION`, `STAGING`, `PREVIEW` or `DEVELOPMENT`.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// The project that it belongs to.
    pub fn project_id(mut self, project_id: impl Into<String>) -> Self {
        self.project_id = Some(project_id.into());
        self
    }

    /// The organization that it belongs to.
    pub fn organization_id(mut self, organization_id: impl Into<String>) -> Self {
        self.organization_id = Some(organization_id.into());
        self
    }

    /// How many of its runs may hold a slot at once, before the burst factor; none for no limit.
    pub fn concurrency_limit(mut self, limit: Option<u32>) -> Self {
        self.concurrency_limit = limit.map(to_limit);
        self
    }

    /// Factor, at least 1, by which its queues together may exceed the limit.
    pub fn burst_factor(mut self, factor: f64) -> Self {
        self.burst_factor = Some(factor);
        self
    }

    /// Whether dequeues skip it. Running attempts continue.
    pub fn paused(mut self, is_paused: bool) -> Self {
        self.is_paused = Some(is_paused);
        self
    }

    /// Why it is [paused](Self::paused), in at most 1024 bytes; kept until it is resumed.
    pub fn pause_reason(mut self, reason: impl Into<String>) -> Self {
        self.pause_reason = Some(reason.into());
        self
    }

    /// Whether it accepts no new runs.
    pub fn archived(mut self, is_archived: bool) -> Self {
        self.is_archived = Some(is_archived);
        self
    }

    /// Whether its runs need a registered worker version.
    pub fn requires_version(mut self, requires_version: bool) -> Self {
        self.requires_version = Some(requires_version);
        self
    }

    /// How many runs each of its queues may hold before triggers are refused; none for no limit.
    pub fn max_queue_size(mut self, size: Option<u32>) -> Self {
        self.max_queue_size = size.map(to_limit);
        self
    }

    /// The retry policy of runs without one from their [trigger](crate::Trigger::retry) or their task; none
    /// removes it.
    pub fn retry(mut self, retry: Option<Value>) -> Self {
        self.retry = Some(retry.unwrap_or(Value::Null));
        self
    }

    /// The shard on which a new environment lives, for ever: 0 to 1295. Without it that is shard 0, or the one of
    /// `engine.environment_shards` that its name chooses. Environments that share batches, or wait for each other's runs,
    /// need the same one.
    pub fn shard(mut self, shard: i32) -> Self {
        self.shard = Some(shard);
        self
    }
}

/// An environment as stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Environment {
    /// The environment's id.
    pub environment_id: String,
    /// `PRODUCTION`, `STAGING`, `PREVIEW` or `DEVELOPMENT`.
    pub kind: String,
    /// How many of its runs may hold a slot at once, before the burst factor.
    pub concurrency_limit: Option<i32>,
    /// Factor by which its queues together may exceed the limit.
    pub burst_factor: f64,
    /// Whether dequeues skip it.
    pub is_paused: bool,
    /// Since when it is paused; none if it is not, or since before 0.2.0.
    pub paused_at: Option<SystemTime>,
    /// The role that paused it, or that gave the reason.
    pub paused_by: Option<String>,
    /// Why it is paused.
    pub pause_reason: Option<String>,
    /// Whether it accepts no new runs.
    pub is_archived: bool,
    /// Whether its runs need a registered worker version.
    pub requires_version: bool,
    /// How many runs each of its queues may hold.
    pub max_queue_size: Option<i32>,
    /// The retry policy of runs without one.
    pub retry: Option<Value>,
    /// The shard on which its runs live, which their ids name.
    pub shard: i32,
}

impl Environment {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            environment_id: row.try_get("environment_id")?,
            kind: row.try_get("type")?,
            concurrency_limit: row.try_get("concurrency_limit")?,
            burst_factor: row.try_get("burst_factor")?,
            is_paused: row.try_get("paused")?,
            paused_at: row.try_get("paused_at")?,
            paused_by: row.try_get("paused_by")?,
            pause_reason: row.try_get("pause_reason")?,
            is_archived: row.try_get("archived")?,
            requires_version: row.try_get("requires_version")?,
            max_queue_size: row.try_get("max_queue_size")?,
            retry: row.try_get("retry")?,
            shard: row.try_get("shard")?,
        })
    }
}

/// A change of a queue. Fields that are not set keep their values.
///
/// ```
/// use engine_client::QueueChange;
///
/// let change = QueueChange::new("mail").concurrency_limit(Some(5));
/// let pause = QueueChange::new("mail").paused(true).pause_reason("the mail server is down");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueChange {
    pub(crate) name: String,
    pub(crate) environment_id: String,
    pub(crate) concurrency_limit: LimitChange,
    pub(crate) is_paused: Option<bool>,
    pub(crate) pause_reason: Option<String>,
    pub(crate) override_limit: LimitChange,
    pub(crate) max_size: LimitChange,
}

impl QueueChange {
    /// A change of this queue in the environment `default`, without any fields set.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            environment_id: "default".to_owned(),
            concurrency_limit: Some(KEEP),
            is_paused: None,
            pause_reason: None,
            override_limit: Some(KEEP),
            max_size: Some(KEEP),
        }
    }

    /// The environment of the queue. Default: `default`.
    pub fn environment_id(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = environment_id.into();
        self
    }

    /// How many of its runs, or of the runs of each concurrency key, may hold a slot at once; none for no
    /// limit.
    pub fn concurrency_limit(mut self, limit: Option<u32>) -> Self {
        self.concurrency_limit = limit.map(to_limit);
        self
    }

    /// Whether dequeues skip it. Running attempts continue.
    pub fn paused(mut self, is_paused: bool) -> Self {
        self.is_paused = Some(is_paused);
        self
    }

    /// Why it is [paused](Self::paused), in at most 1024 bytes; kept until it is resumed.
    pub fn pause_reason(mut self, reason: impl Into<String>) -> Self {
        self.pause_reason = Some(reason.into());
        self
    }

    /// Replaces the limit while it is set; none removes it.
    pub fn override_limit(mut self, limit: Option<u32>) -> Self {
        self.override_limit = limit.map(to_limit);
        self
    }

    /// How many runs may be queued before triggers are refused; none for no limit.
    pub fn max_size(mut self, size: Option<u32>) -> Self {
        self.max_size = size.map(to_limit);
        self
    }
}

/// A queue as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queue {
    /// The queue's name.
    pub name: String,
    /// The queue's environment.
    pub environment_id: String,
    /// How many of its runs, or of the runs of each concurrency key, may hold a slot at once.
    pub concurrency_limit: Option<i32>,
    /// Whether dequeues skip it.
    pub is_paused: bool,
    /// Since when it is paused; none if it is not, or since before 0.2.0.
    pub paused_at: Option<SystemTime>,
    /// The role that paused it, or that gave the reason.
    pub paused_by: Option<String>,
    /// Why it is paused.
    pub pause_reason: Option<String>,
    /// Replaces the limit while it is set.
    pub override_limit: Option<i32>,
    /// How many runs may be queued.
    pub max_size: Option<i32>,
}

impl Queue {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            name: row.try_get("name")?,
            environment_id: row.try_get("environment_id")?,
            concurrency_limit: row.try_get("concurrency_limit")?,
            is_paused: row.try_get("paused")?,
            paused_at: row.try_get("paused_at")?,
            paused_by: row.try_get("paused_by")?,
            pause_reason: row.try_get("pause_reason")?,
            override_limit: row.try_get("override_limit")?,
            max_size: row.try_get("max_size")?,
        })
    }
}

fn to_limit(limit: u32) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}
