//! What a handler knows about its attempt.

use std::sync::Arc;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{Dequeued, RunId, SnapshotId, Started};

/// The attempt that a handler executes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    attempt: Arc<Attempt>,
    cancellation: CancellationToken,
}

#[derive(Debug)]
struct Attempt {
    dequeued: Arc<Dequeued>,
    started: Started,
    attempt_number: i32,
}

impl Context {
    pub(crate) fn new(
        dequeued: Arc<Dequeued>,
        started: Started,
        cancellation: CancellationToken,
    ) -> Self {
        let attempt_number = started.execution.attempt_number;
        let attempt = Arc::new(Attempt {
            attempt_number: attempt_number.unwrap_or(dequeued.attempt_number),
            dequeued,
            started,
        });
        Self {
            attempt,
            cancellation,
        }
    }

    /// The run.
    pub fn run_id(&self) -> &RunId {
        &self.attempt.dequeued.run_id
    }

    /// The snapshot that this attempt executes under; it fences every write about the run.
    pub fn snapshot_id(&self) -> &SnapshotId {
        &self.attempt.started.execution.snapshot_id
    }

    /// The number of this attempt; 1 for the first.
    pub fn attempt_number(&self) -> i32 {
        self.attempt.attempt_number
    }

    /// The name of the task.
    pub fn task(&self) -> &str {
        &self.attempt.dequeued.task
    }

    /// The run as it was dequeued, with its payload, options and tags.
    pub fn run(&self) -> &Dequeued {
        &self.attempt.dequeued
    }

    /// What the engine told when the attempt started: attempt, run, task, queue and environment.
    pub fn execution(&self) -> &Value {
        &self.attempt.started.data
    }

    /// Whether the attempt is over: the run was lost or cancelled, the worker shuts down, or the handler
    /// returned.
    ///
    /// The handler itself is dropped at its current `await` when that happens. This is for what it
    /// spawned or passed its context to.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// Waits until the attempt is over.
    pub async fn cancelled(&self) {
        self.cancellation.cancelled().await;
    }
}
