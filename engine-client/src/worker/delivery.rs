//! Delivers the end of an attempt to the engine.

use tokio::time::Instant;

use super::end::cancelled;
use super::held_run::Verdict;
use super::hold::Hold;
use super::permit::Seat;
use super::run_calls::RunCalls;
use crate::link::Answer;
use crate::{Completed, Completion, Error, ErrorKind, Failure};

/// The end of an attempt, on its way to the engine.
#[derive(Debug)]
pub(super) struct Delivery<'a> {
    pub(super) calls: &'a RunCalls,
    pub(super) hold: &'a Hold,
    pub(super) seat: &'a Seat,
    /// Whether several lanes share the worker's permits.
    pub(super) is_shared: bool,
}

impl Delivery<'_> {
    /// Releases the run, if its state allows that; returns false if its attempt must be completed instead.
    pub(super) async fn release(&self) -> bool {
        let _moving = self.hold.moving();
        let released = tokio::select! {
            released = self.calls.release(self.hold.at()) => released,
            () = self.hold.deadline_passed() => {
                tracing::warn!("cannot release the run before its deadline");
                return true;
            }
        };
        match released {
            Ok(_) => {
                tracing::info!("the run is released");
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the run cannot be released");
                false
            }
        }
    }

    /// Completes the attempt, if that succeeds before its deadline passes. Heartbeats continue meanwhile.
    pub(super) async fn complete(&self, completion: Completion) -> Option<Completed> {
        let _moving = self.hold.moving();
        let since = Instant::now();
        let answer = tokio::select! {
            answer = self.deliver(completion) => answer,
            () = self.hold.deadline_passed() => {
                tracing::warn!("cannot complete the attempt before its deadline");
                return None;
            }
        };
        match answer.result {
            Ok(completed) => {
                let attempt_status = completed.attempt_status;
                tracing::debug!(%attempt_status, "completed");
                let heartbeat = self.hold.known().heartbeat;
                self.hold.moved(
                    completed.snapshot_id.clone(),
                    completed.attempt_number,
                    heartbeat,
                    since,
                );
                Some(completed)
            }
            Err(error) if is_settled(&error) && answer.may_repeat => {
                // The answer to our own first try may have been lost with its connection.
                tracing::debug!(%error, "already completed, or lost");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the completion was refused");
                None
            }
        }
    }

    /// Reports the completion; one that the server cannot store is replaced by a failure that says so, because
    /// otherwise the run would stall and repeat.
    async fn deliver(&self, mut completion: Completion) -> Answer<Completed> {
        // The turn that reports the end brings the next run, if there is one: it takes this one's place.
        // Where lanes share the permits, it goes to the one that waits.
        let mut permit = if self.calls.takes_turns() {
            self.seat.give_up().filter(|_| !self.is_shared)
        } else {
            None
        };
        loop {
            let answer = self
                .calls
                .complete(self.hold.at(), completion.clone(), permit.take())
                .await;
            match answer.result {
                // If an earlier try may have taken effect, a second completion would be of another attempt.
                Err(error) if error.is_stale_snapshot() && !answer.may_repeat => {
                    // Each time the run has moved: a wait that ends, and then a cancel, for example.
                    match self.follow(completion).await {
                        Some(next) => completion = next,
                        None => {
                            return Answer {
                                result: Err(error),
                                may_repeat: false,
                            };
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::InvalidInput => {
                    tracing::warn!(%error, "the completion cannot be stored");
                    let message = format!("the completion cannot be stored: {error}");
                    let failure = Failure::internal("TASK_OUTPUT_ERROR", message);
                    let completion = Completion::failure(&failure);
                    return self.calls.complete(self.hold.at(), completion, None).await;
                }
                result => return Answer { result, ..answer },
            }
        }
    }

    /// The run moved on between the last beat and its completion. Returns the completion to report instead, if the
    /// run is still ours: the same one if its wait ended, or a cancel.
    async fn follow(&self, completion: Completion) -> Option<Completion> {
        let sent_at = Instant::now();
        let attempt_number = self.hold.known().attempt_number;
        let beat = self.calls.beat(&self.hold.at()).await.ok()?;
        let verdict = Verdict::of(attempt_number, &beat);
        let execution = beat.execution;
        let completion = match verdict {
            Verdict::Held => completion,
            Verdict::CancelRequested => Completion::failure(&cancelled()),
            Verdict::Lost | Verdict::Suspended => return None,
        };
        let number = execution.attempt_number;
        self.hold
            .moved(execution.snapshot_id, number, beat.heartbeat, sent_at);
        Some(completion)
    }
}

/// Whether the server reports that this attempt has nothing left to complete.
fn is_settled(error: &Error) -> bool {
    use crate::ErrorKind::{RunFinished, StaleSnapshot};
    matches!(error.kind(), StaleSnapshot | RunFinished)
}
