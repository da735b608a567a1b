//! A new run, checked.

use std::rc::Rc;

use serde_json::Value;

use crate::{BatchId, Debounce, Environment, IdempotencyKey, RunId, Timestamp, ttl};

/// A new run, checked and complete but for its ids.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Where it belongs.
    pub environment: Rc<Environment>,
    /// Its id, if the caller chose it.
    pub chosen_id: Option<RunId>,
    /// The task.
    pub task: String,
    /// Its input.
    pub payload: String,
    /// Media type of the input.
    pub payload_type: String,
    /// The queue.
    pub queue: String,
    /// Who may dequeue it.
    pub worker_queue: String,
    /// Runs with the same key share a limit.
    pub concurrency_key: Option<String>,
    /// Milliseconds by which it goes ahead.
    pub priority_ms: i64,
    /// Its place in the queue before priority.
    pub queue_timestamp: Timestamp,
    /// Its place in the queue, and the earliest time of its claim.
    pub available_at: Timestamp,
    /// How many attempts it has, if that was said.
    pub max_attempts: Option<i32>,
    /// How long an attempt may take, seconds.
    pub max_duration_seconds: Option<i32>,
    /// Machine preset.
    pub machine: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// The caller's own data.
    pub metadata: Option<Value>,
    /// Whether it is a test.
    pub is_test: bool,
    /// Trace context to continue.
    pub trace_context: Option<Value>,
    /// The engine's users' own notes.
    pub annotations: Option<Value>,
    /// The run that it repeats, without its prefix.
    pub replayed_from: Option<String>,
    /// The run that triggered it.
    pub parent_run_id: Option<RunId>,
    /// Retry settings.
    pub retry: Option<Value>,
    /// Whether the run that triggered it waits for its end.
    pub resume_parent: bool,
    /// The batch that it joins.
    pub batch_id: Option<BatchId>,
    /// Its place in that batch; `None` for the next one.
    pub batch_index: Option<i32>,
    /// Not before this.
    pub delay_until: Option<Timestamp>,
    /// How long it may wait in its queue.
    pub ttl: Option<String>,
    /// One run per key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// How triggers of one key are brought together.
    pub debounce: Option<Debounce>,
    /// Good for one run.
    pub one_time_use_token: Option<String>,
    /// The version of the worker that is to do it.
    pub version: Option<String>,
}

impl NewRun {
    /// When it expires if it enters its queue at `now`.
    #[must_use]
    pub fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        ttl::expires_at(self.ttl.as_deref(), now)
    }
}
