//! One attempt, from its start to its completion.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::held::{Held, HeldRun};
use super::panic::CatchPanic;
use super::task::Tasks;
use crate::link::{Answer, Link};
use crate::{Completed, Completion, Dequeued, Error, ErrorKind, Failure, Identity, Started};

/// What every attempt of a worker shares.
#[derive(Debug)]
pub(super) struct Attempts {
    pub(super) tasks: Tasks,
    pub(super) held: Arc<Held>,
    /// For starts and completions, apart from the dequeues, which may wait for a run. Several, because the
    /// calls on one connection are committed one after the other.
    pub(super) links: Vec<Link>,
    /// Counts attempts, to spread them over the links.
    pub(super) count: AtomicUsize,
    pub(super) identity: Identity,
}

impl Attempts {
    /// Starts, executes and completes a run that was dequeued by a call sent at `since`. Whatever goes
    /// wrong ends here: a run that is left open stalls and is recovered.
    pub(super) async fn run(&self, dequeued: Dequeued, since: Instant) {
        let dequeued = Arc::new(dequeued);
        let link = &self.links[self.count.fetch_add(1, Ordering::Relaxed) % self.links.len()];
        let Some((started_at, started)) = self.start(link, &dequeued, since).await else {
            return;
        };
        let held_run = self.held.hold(
            dequeued.run_id.clone(),
            started.execution.snapshot_id.clone(),
            started.heartbeat,
            started_at,
        );
        if let Some(completion) = self.execute(dequeued, started, &held_run).await {
            let completion = completion.duration(started_at.elapsed());
            self.complete(link, &held_run, &completion).await;
        }
    }

    /// Starts the attempt, if that can be had within the heartbeat deadline of the dequeue; also returns
    /// when the call was sent, from which its heartbeat deadline counts.
    ///
    /// A start whose answer was lost with its connection is repeated. If the first one had taken effect,
    /// the second is refused as stale, and the run, which nobody executes, stalls and is recovered.
    async fn start(
        &self,
        link: &Link,
        dequeued: &Dequeued,
        since: Instant,
    ) -> Option<(Instant, Started)> {
        let (run_id, snapshot_id) = (&dequeued.run_id, &dequeued.snapshot_id);
        let identity = &self.identity;
        let call = link.persist(|connection| async move {
            let sent_at = Instant::now();
            let engine = connection.engine().identified_as(identity);
            let started = engine.start_attempt(run_id, snapshot_id, false).await?;
            Ok((sent_at, started))
        });
        match timeout_at(since + dequeued.heartbeat, call).await {
            Ok(Answer {
                result: Ok(started),
                ..
            }) => Some(started),
            Ok(Answer {
                result: Err(error), ..
            }) => {
                tracing::warn!(%run_id, %error, "cannot start the attempt");
                None
            }
            Err(_) => {
                tracing::warn!(%run_id, "cannot start the attempt before its deadline");
                None
            }
        }
    }

    /// Executes the handler. None if the run was lost meanwhile: it must not be completed.
    async fn execute(
        &self,
        dequeued: Arc<Dequeued>,
        started: Started,
        held_run: &HeldRun,
    ) -> Option<Completion> {
        let run_id = &held_run.run_id;
        let cancellation = CancellationToken::new();
        // Also when this future is dropped: what the handler spawned must learn of it.
        let _over = cancellation.clone().drop_guard();
        let context = Context::new(dequeued, started, cancellation.clone());
        let mut execution = CatchPanic(self.tasks.execute(context));
        let result = tokio::select! {
            biased;
            () = held_run.lost() => {
                tracing::warn!(%run_id, "the run was lost, its handler is cancelled");
                None
            }
            () = held_run.deadline_passed() => {
                tracing::warn!(%run_id, "the heartbeat deadline passed, the handler is cancelled");
                None
            }
            result = &mut execution => Some(result),
        };
        match result {
            Some(Ok(completion)) => Some(completion),
            Some(Err(failure)) => Some(Completion::failure(&failure)),
            None => {
                cancellation.cancel();
                drop(execution);
                None
            }
        }
    }

    /// Completes the attempt, if that can be had before its deadline passes. Heartbeats go on meanwhile.
    async fn complete(&self, link: &Link, held_run: &HeldRun, completion: &Completion) {
        let run_id = &held_run.run_id;
        let answer = tokio::select! {
            answer = self.deliver(link, held_run, completion) => answer,
            () = held_run.deadline_passed() => {
                tracing::warn!(%run_id, "cannot complete the attempt before its deadline");
                return;
            }
        };
        match answer.result {
            Ok(completed) => {
                let attempt_status = completed.attempt_status;
                tracing::debug!(%run_id, %attempt_status, "completed");
            }
            Err(error) if is_settled(&error) && answer.may_repeat => {
                // The answer to our own first try may have been lost with its connection.
                tracing::debug!(%run_id, %error, "completed before, or lost");
            }
            Err(error) => tracing::warn!(%run_id, %error, "the completion was refused"),
        }
    }

    /// Reports the completion; one that the server cannot store is replaced by a failure that says so,
    /// because otherwise the run would stall and do the same again.
    async fn deliver(
        &self,
        link: &Link,
        held_run: &HeldRun,
        completion: &Completion,
    ) -> Answer<Completed> {
        let answer = self.send(link, held_run, completion).await;
        match answer.result {
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                let run_id = &held_run.run_id;
                tracing::warn!(%run_id, %error, "the completion cannot be stored");
                let message = format!("the completion cannot be stored: {error}");
                let failure = Failure::internal("TASK_OUTPUT_ERROR", message);
                self.send(link, held_run, &Completion::failure(&failure))
                    .await
            }
            result => Answer { result, ..answer },
        }
    }

    async fn send(
        &self,
        link: &Link,
        held_run: &HeldRun,
        completion: &Completion,
    ) -> Answer<Completed> {
        let (run_id, snapshot_id) = (&held_run.run_id, &held_run.snapshot_id);
        let identity = &self.identity;
        link.persist(|connection| async move {
            let engine = connection.engine().identified_as(identity);
            engine
                .complete_attempt(run_id, snapshot_id, completion)
                .await
        })
        .await
    }
}

/// Whether the server says that this attempt has nothing left to complete.
fn is_settled(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StaleSnapshot | ErrorKind::RunFinished
    )
}
