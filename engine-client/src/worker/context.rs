//! What a handler knows about its attempt.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::call::Calls;
use super::name::Names;
use super::place::HeldRun;
use super::stopwatch::Stopwatch;
use super::turn::Seat;
use crate::{Dequeued, Failure, RunId, SnapshotId};

/// The attempt that a handler executes. Cheap to clone.
///
/// Beside what the run is, it has what a handler may wait for: [`wait_for`](Self::wait_for),
/// [`wait_until`](Self::wait_until), [`wait_for_token`](Self::wait_for_token),
/// [`trigger_and_wait`](Self::trigger_and_wait), [`batch_trigger_and_wait`](Self::batch_trigger_and_wait), and
/// [`step`](Self::step) for what must be done once however often the handler is called.
#[derive(Debug, Clone)]
pub struct Context {
    pub(super) parts: Arc<Parts>,
    /// One wait at a time.
    pub(super) waiting: Arc<Mutex<()>>,
}

#[derive(Debug)]
pub(super) struct Parts {
    pub(super) dequeued: Arc<Dequeued>,
    pub(super) held: Arc<HeldRun>,
    pub(super) attempt_number: i32,
    pub(super) calls: Arc<Calls>,
    pub(super) seat: Arc<Seat>,
    pub(super) stopwatch: Arc<Stopwatch>,
    pub(super) suspend_after: Option<Duration>,
    pub(super) stopping: CancellationToken,
    pub(super) token: CancellationToken,
    /// Names of steps and waits that this attempt has come by.
    pub(super) names: Names,
}

impl Context {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            waiting: Arc::default(),
        }
    }

    /// The run.
    pub fn run_id(&self) -> &RunId {
        &self.parts.dequeued.run_id
    }

    /// The snapshot that this attempt executes under at this moment; a wait changes it. It fences every
    /// write about the run.
    pub fn snapshot_id(&self) -> SnapshotId {
        self.parts.held.snapshot_id()
    }

    /// The number of this attempt; 1 for the first.
    pub fn attempt_number(&self) -> i32 {
        self.parts.attempt_number
    }

    /// The name of the task.
    pub fn task(&self) -> &str {
        &self.parts.dequeued.task
    }

    /// The run as it was dequeued, with its payload, options and tags.
    pub fn run(&self) -> &Dequeued {
        &self.parts.dequeued
    }

    /// The trace of whoever triggered the run, as it was given: by the W3C names, such as `traceparent`. For
    /// the propagator of a tracing library. Runs that this handler triggers continue it.
    pub fn trace_context(&self) -> Option<&Value> {
        self.parts.dequeued.trace_context.as_ref()
    }

    /// How long this attempt has executed, without its waits.
    pub fn elapsed(&self) -> Duration {
        self.parts.stopwatch.elapsed()
    }

    /// How long the run is still this worker's for certain, if no heartbeat reaches the server any more; zero
    /// once it may be another's. Every beat, at a third of that time, makes it longer again. None if there is
    /// no deadline.
    pub fn held_for(&self) -> Option<Duration> {
        let deadline = self.parts.held.deadline()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the attempt is over: the run was lost or cancelled, its deadline passed, the worker shuts
    /// down, or the handler returned.
    ///
    /// The handler itself is dropped at its current `await` when that happens. This is for what it
    /// spawned or passed its context to. It holds even if no thread of the runtime is free.
    pub fn is_cancelled(&self) -> bool {
        self.parts.token.is_cancelled() || self.held_for().is_some_and(|left| left.is_zero())
    }

    /// Waits until the attempt is over.
    pub async fn cancelled(&self) {
        tokio::select! {
            () = self.parts.token.cancelled() => {}
            () = self.parts.held.deadline_passed() => {}
        }
    }

    /// A token that is cancelled when the attempt is over, for libraries that take one.
    pub fn cancellation_token(&self) -> CancellationToken {
        self.parts.token.clone()
    }

    /// Whether the worker is shutting down: there is the drain timeout left to end.
    pub fn is_stopping(&self) -> bool {
        self.parts.stopping.is_cancelled()
    }

    /// What a handler returns that gives its run back: the run is queued at its old place, at once, for whoever comes
    /// first, this worker too, and the attempt does not count. A run that comes back too often is given up, by the
    /// setting `engine.queue_max_attempts`.
    ///
    /// ```
    /// # use engine_client::{Context, Failure};
    /// async fn import(ctx: Context, rows: Vec<String>) -> Result<(), Failure> {
    ///     for row in rows {
    ///         if ctx.is_stopping() {
    ///             return Err(ctx.release());
    ///         }
    ///         ctx.step("row", async || Ok(row)).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn release(&self) -> Failure {
        Failure::release()
    }
}
