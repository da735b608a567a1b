//! Environments, the scopes of names, limits and pauses, and their queues.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{EnvironmentType, Pause, Quota, Refusal, Shard};

/// An environment as it is stored, with its configured queues.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// The id that callers chose.
    pub id: String,
    /// The shard of all its rows.
    pub shard: Shard,
    /// Production, staging, development or preview.
    pub kind: EnvironmentType,
    /// Project id, for workers and readers.
    pub project_id: Option<String>,
    /// Organization id, for workers and readers.
    pub organization_id: Option<String>,
    /// Runs that may hold a slot at once, before the burst factor; `None` for no limit.
    pub concurrency_limit: Option<i32>,
    /// Factor by which several queues together may exceed the limit.
    pub burst_factor: f64,
    /// Queued runs per queue at which triggers are refused; `None` for no limit.
    pub max_queue_size: Option<i32>,
    /// Whether dequeues skip it, and why.
    pub pause: Option<Pause>,
    /// Whether runs wait for a version that knows their task.
    pub requires_version: bool,
    /// Whether it accepts no new work, permanently.
    pub is_archived: bool,
    /// Retry policy of runs without one of their own or of their task.
    pub retry: Option<Value>,
    /// Whether dequeues reserve slots of its limit in shared memory before they count. Then lanes ignore this limit;
    /// otherwise it applies to lanes too, and a dequeue takes the mutex exclusively.
    pub reserves_slots: bool,
    /// Whether existing rows have been adapted to the limits since these were set. Until then slots without the mark count
    /// too, and queues without a limit have lanes.
    pub is_fitted: bool,
    /// What it may use at most.
    pub quota: Quota,
    /// Its configured queues, by name.
    pub queues: BTreeMap<String, Queue>,
}

/// A configured queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queue {
    /// Runs of the queue, or of each of its concurrency keys, that may hold a slot at once; `None` for the environment's
    /// limit.
    pub concurrency_limit: Option<i32>,
    /// Replaces the limit while it is set.
    pub override_limit: Option<i32>,
    /// Queued runs at which triggers are refused; `None` for the environment's setting.
    pub max_size: Option<i32>,
    /// Whether dequeues skip it, and why.
    pub pause: Option<Pause>,
}

impl Environment {
    /// Id of the environment that exists in every database without being set.
    pub const DEFAULT_ID: &'static str = "default";

    /// The default environment, until it is set to something else.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            id: Self::DEFAULT_ID.to_owned(),
            shard: Shard::FIRST,
            kind: EnvironmentType::Production,
            project_id: None,
            organization_id: None,
            concurrency_limit: None,
            burst_factor: 1.0,
            max_queue_size: None,
            pause: None,
            requires_version: false,
            is_archived: false,
            retry: None,
            reserves_slots: false,
            is_fitted: true,
            quota: Quota::default(),
            queues: BTreeMap::new(),
        }
    }

    /// How many runs of `queue` may be queued; `None` for no limit.
    #[must_use]
    pub fn max_queued(&self, queue: &str) -> Option<i32> {
        let own = self.queues.get(queue).and_then(|queue| queue.max_size);
        own.or(self.max_queue_size)
    }

    /// Refuses new work for an archived environment.
    ///
    /// # Errors
    /// [`Refusal::ArchivedEnvironment`] (`RE005`).
    pub fn check_open(&self) -> Result<(), Refusal> {
        if self.is_archived {
            Err(Refusal::ArchivedEnvironment {
                environment_id: self.id.clone(),
            })
        } else {
            Ok(())
        }
    }
}
