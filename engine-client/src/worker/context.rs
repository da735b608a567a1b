//! The context of a handler.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::held_run::HeldRun;
use super::name::Names;
use super::permit::Seat;
use super::run_calls::RunCalls;
use super::stopwatch::Stopwatch;
use crate::{Dequeued, Failure, RunId, SnapshotId};

/// The attempt that a handler executes. Cheap to clone.
///
/// Beside the run itself, it has what a handler may wait for: [`wait_for`](Self::wait_for),
/// [`wait_until`](Self::wait_until), [`wait_for_token`](Self::wait_for_token),
/// [`trigger_and_wait`](Self::trigger_and_wait), [`batch_trigger_and_wait`](Self::batch_trigger_and_wait), and
/// [`step`](Self::step) for work that must be done once however often the handler is called.
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
    pub(super) calls: Arc<RunCalls>,
    pub(super) seat: Arc<Seat>,
    pub(super) stopwatch: Arc<Stopwatch>,
    pub(super) suspend_after: Option<Duration>,
    pub(super) stopping: CancellationToken,
    pub(super) token: CancellationToken,
    /// Names of steps and waits that this attempt has used.
    pub(super) names: Names,
    /// What answers in a rehearsal, instead of a server.
    #[cfg(feature = "testing")]
    pub(super) script: Option<Arc<super::script::Script>>,
}

impl Context {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            waiting: Arc::default(),
        }
    }

    /// The run's bare id.
    pub fn run_id(&self) -> &RunId {
        &self.parts.dequeued.run_id
    }

    /// The snapshot under which this attempt executes now; a wait changes it. It fences every write about the run.
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

    /// The trace of the run's trigger, as it was passed, with the W3C names, such as `traceparent`. For the
    /// propagator of a tracing library. Runs that this handler triggers continue it.
    pub fn trace_context(&self) -> Option<&Value> {
        self.parts.dequeued.trace_context.as_ref()
    }

    /// How long this attempt has executed, without its waits.
    pub fn elapsed(&self) -> Duration {
        self.parts.stopwatch.elapsed()
    }

    /// How long the run certainly remains this worker's if no further heartbeat reaches the server; zero once
    /// another worker may own it. Every beat, at a third of that time, extends it. None if there is no deadline.
    pub fn held_for(&self) -> Option<Duration> {
        let deadline = self.parts.held.deadline()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the attempt has ended: the run was lost or cancelled, its deadline passed, the worker shuts down,
    /// or the handler returned.
    ///
    /// The handler itself is dropped at its current `await` when that happens. This is for tasks that it spawned
    /// or passed its context to. It works even if no thread of the runtime is free.
    pub fn is_cancelled(&self) -> bool {
        self.parts.token.is_cancelled() || self.held_for().is_some_and(|left| left.is_zero())
    }

    /// Waits until the attempt has ended.
    pub async fn cancelled(&self) {
        tokio::select! {
            () = self.parts.token.cancelled() => {}
            () = self.parts.held.deadline_passed() => {}
        }
    }

    /// A token that is cancelled when the attempt has ended, for libraries that take one.
    pub fn cancellation_token(&self) -> CancellationToken {
        self.parts.token.clone()
    }

    /// Whether the worker is shutting down: the drain timeout is left to finish.
    pub fn is_stopping(&self) -> bool {
        self.parts.stopping.is_cancelled()
    }

    /// A failure that releases the run: it is queued at once, in its old order, for any worker, including this
    /// one, and the attempt does not count. A run that is released too often ends, see the setting
    /// `engine.queue_max_attempts`.
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
