//! How a run waits in its worker, or leaves it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Context;
use super::held_run::Verdict;
use super::stopwatch::Stopwatch;
use crate::backoff::{Backoff, BackoffRange};
use crate::{Checkpoint, Connection, Error, ExecutionStatus};

/// Pauses between checks whether a run continues.
const POLL: BackoffRange = BackoffRange {
    min: Duration::from_millis(10),
    max: Duration::from_millis(500),
};

/// Waiting does not count towards the attempt's time.
struct Paused<'a>(&'a Stopwatch);

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.resume();
    }
}

impl Context {
    /// Makes the run wait by `block`, which returns whether everything that it waits for is completed already, until
    /// it continues. `lasts` is the shortest time that this will take.
    ///
    /// Does not return if the run is called off meanwhile: then the handler is dropped.
    pub(super) async fn pause(
        &self,
        lasts: Option<Duration>,
        block: impl AsyncFnOnce() -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let _one = self.waiting.lock().await;
        let parts = &self.parts;
        let held = &parts.held;
        let moving = held.moving();
        let is_over = block().await?;
        if is_over {
            let call = |connection: Arc<Connection>| async move {
                connection.engine().unblock(self.run_id()).await
            };
            self.persist(call).await?;
        }
        self.catch_up().await?;
        drop(moving);

        parts.stopwatch.pause();
        let _paused = Paused(&parts.stopwatch);
        parts.seat.leave();
        self.until_it_goes_on(lasts).await?;
        parts.seat.take_handler_permit(self.task()).await;
        Ok(())
    }

    /// Reads the run's latest snapshot, and extends its deadline; calls the run off if this worker must not
    /// execute it any more.
    pub(super) async fn catch_up(&self) -> Result<ExecutionStatus, Error> {
        let held = &self.parts.held;
        loop {
            let sent_at = Instant::now();
            let at = held.at();
            let beat = self.parts.calls.beat(&at).await?;
            let verdict = Verdict::of(Some(self.attempt_number()), &beat);
            let execution = beat.execution;
            let (status, number) = (execution.execution_status, execution.attempt_number);
            if execution.snapshot_id == at.1 {
                held.extend(&at.1, beat.heartbeat, sent_at);
                return Ok(status);
            }
            if verdict != Verdict::Lost {
                // The next beat extends the deadline, which counts from the previous move.
                held.moved(execution.snapshot_id, number, beat.heartbeat, sent_at);
            }
            if verdict != Verdict::Held {
                held.conclude(verdict);
                return Ok(status);
            }
        }
    }

    async fn until_it_goes_on(&self, lasts: Option<Duration>) -> Result<(), Error> {
        let parts = &self.parts;
        let suspend_at = self.suspend_at(lasts);
        let mut changes = parts.held.changes();
        let mut backoff = Backoff::new(POLL);
        loop {
            // If it is neither here nor waiting, it is called off.
            if self.look().await? == ExecutionStatus::Executing {
                return Ok(());
            }
            changes.mark_unchanged();
            let is_due = suspend_at.is_some_and(|at| Instant::now() >= at)
                || parts.suspend_after.is_some() && parts.stopping.is_cancelled();
            if is_due && self.suspend().await? {
                parts.held.conclude(Verdict::Suspended);
                return std::future::pending().await;
            }
            tokio::select! {
                () = sleep(backoff.pause()) => {}
                // The heartbeat has news.
                _ = changes.changed() => {}
            }
        }
    }

    fn suspend_at(&self, lasts: Option<Duration>) -> Option<Instant> {
        let after = self.parts.suspend_after?;
        let is_long = lasts.is_some_and(|lasts| lasts > after);
        let now = Instant::now();
        Some(if is_long { now } else { now + after })
    }

    /// Reads the state of the run; writes nothing while it waits.
    async fn look(&self) -> Result<ExecutionStatus, Error> {
        let call = |connection: Arc<Connection>| async move {
            connection.engine().run_result(self.run_id(), None).await
        };
        match self.persist(call).await? {
            Some(now) if now.snapshot_id == self.snapshot_id() => Ok(now.execution_status),
            _ => {
                let _moving = self.parts.held.moving();
                self.catch_up().await
            }
        }
    }

    /// Suspends the run; returns false if it continues at this very moment.
    async fn suspend(&self) -> Result<bool, Error> {
        let held = &self.parts.held;
        let _moving = held.moving();
        let checkpoint = &Checkpoint::new("COMPUTE", "none").reason("waits without its process");
        let (run_id, snapshot_id) = &held.at();
        let call = |connection: Arc<Connection>| async move {
            let identity = self.parts.calls.identity();
            let engine = connection.engine().identified_as(identity);
            let call = engine.create_checkpoint(run_id, snapshot_id, checkpoint);
            call.await
        };
        let suspended = self.persist(call).await?;
        let is_here = matches!(
            suspended.execution_status,
            ExecutionStatus::Executing | ExecutionStatus::ExecutingWithWaitpoints
        );
        // If it is neither suspended by this call nor here, an earlier try suspended it, or the run is lost.
        Ok(suspended.ok || !is_here)
    }
}
