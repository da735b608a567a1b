//! A new run after its checks.

use std::rc::Rc;

use crate::{
    BatchId, Debounce, Environment, IdempotencyKey, RunId, Timestamp, TriggerOptions, read_keep,
    ttl,
};

/// A new run, checked and complete except for its ids.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// The environment that it belongs to.
    pub environment: Rc<Environment>,
    /// The id chosen by the caller, if any.
    pub chosen_id: Option<RunId>,
    /// Name of the task to run.
    pub task: String,
    /// Input of the handler, opaque text.
    pub payload: String,
    /// Media type of the input.
    pub payload_type: String,
    /// Name of the queue.
    pub queue: String,
    /// The worker queue that dequeues it.
    pub worker_queue: String,
    /// Runs with the same key share a limit.
    pub concurrency_key: Option<String>,
    /// Milliseconds by which it moves ahead in its queue.
    pub priority_ms: i64,
    /// Queue order before priority.
    pub queue_timestamp: Timestamp,
    /// Queue order, and the earliest dequeue.
    pub available_at: Timestamp,
    /// Bare id of the run that it replays.
    pub replayed_from: Option<String>,
    /// The run that triggered it.
    pub parent_run_id: Option<RunId>,
    /// Whether its parent waits for its end.
    pub resume_parent: bool,
    /// The batch that it joins.
    pub batch_id: Option<BatchId>,
    /// Index in that batch; `None` for the next one.
    pub batch_index: Option<i32>,
    /// Earliest time of the first attempt.
    pub delay_until: Option<Timestamp>,
    /// Time to live in its queue.
    pub ttl: Option<String>,
    /// Key by which later triggers find this run.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Debounce options.
    pub debounce: Option<Debounce>,
    /// The worker version that it is bound to.
    pub version: Option<String>,
    /// The other options, which are written as they were passed.
    pub options: TriggerOptions,
}

impl NewRun {
    /// How long it is kept after its end, milliseconds, if it says so.
    #[must_use]
    pub fn keep_ms(&self) -> Option<i64> {
        let keep = self.options.keep.as_deref()?;
        read_keep(keep).ok()
    }

    /// When it expires if it is queued at `now`.
    #[must_use]
    pub fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        ttl::expires_at(self.ttl.as_deref(), now)
    }
}
