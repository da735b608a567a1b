//! How the execution of an attempt ends, and what the engine is told of it.

use std::time::Duration;

use super::RetryPolicy;
use super::attempt::{Attempts, is_settled};
use super::held::{Hold, Verdict};
use crate::failure::Retry;
use crate::link::Answer;
use crate::{AttemptStatus, Completed, Completion, Dequeued, ErrorKind, Failure};

/// How an execution ended.
#[derive(Debug)]
pub(super) enum End {
    Returned(Result<Completion, Failure>),
    /// Somebody wants the run to stop.
    Cancelled,
    /// It executed for longer than it may.
    TooLong,
    /// The drain timeout passed.
    NotDrained,
    /// The run is suspended.
    Suspended,
    /// The run is not this worker's any more.
    Lost,
    /// The heartbeat deadline passed: the run may be another worker's.
    Silent,
}

impl End {
    pub(super) fn called_off(verdict: Verdict) -> Self {
        match verdict {
            Verdict::CancelRequested => Self::Cancelled,
            Verdict::Suspended => Self::Suspended,
            Verdict::Held | Verdict::Lost => Self::Lost,
        }
    }

    /// The completion, and the pause before the next attempt if it asks for one; none if the run must not be
    /// completed. During a shutdown no pause is shorter than `handover`.
    pub(super) fn judge(
        self,
        run: &Dequeued,
        attempt_number: i32,
        policy: RetryPolicy,
        handover: Option<Duration>,
    ) -> Option<(Completion, Option<Duration>)> {
        let failure = match self {
            Self::Returned(Ok(completion)) => return Some((completion, None)),
            Self::Returned(Err(failure)) => failure,
            Self::Cancelled => Failure::internal("TASK_RUN_CANCELLED", cancel_reason()),
            Self::TooLong => {
                Failure::internal("MAX_DURATION_EXCEEDED", "the maximum duration is exceeded")
            }
            Self::NotDrained => {
                let message = "the worker shut down before the handler had ended";
                Failure::internal("GRACEFUL_EXIT_TIMEOUT", message).retry_after(Duration::ZERO)
            }
            Self::Suspended => {
                tracing::debug!("the run is suspended, its handler is dropped");
                return None;
            }
            Self::Lost => {
                tracing::warn!("the run was lost, its handler is cancelled");
                return None;
            }
            Self::Silent => {
                tracing::warn!("the heartbeat deadline passed, the handler is cancelled");
                return None;
            }
        };
        let retry: Retry = failure.retry();
        let pause = policy
            .after(retry, attempt_number, run.max_attempts)
            .map(|pause| pause.max(handover.unwrap_or_default()));
        let completion = Completion::failure(&failure);
        let completion = match pause {
            Some(pause) => completion.retry_after(pause),
            None => completion,
        };
        Some((completion, pause))
    }
}

fn cancel_reason() -> &'static str {
    "the run was cancelled while it executed"
}

impl Attempts {
    /// Completes the attempt, if that can be had before its deadline passes. Heartbeats go on meanwhile.
    pub(super) async fn complete(
        &self,
        hold: &Hold,
        completion: Completion,
    ) -> Option<AttemptStatus> {
        let _moving = hold.moving();
        let since = tokio::time::Instant::now();
        let answer = tokio::select! {
            answer = self.deliver(hold, completion) => answer,
            () = hold.deadline_passed() => {
                tracing::warn!("cannot complete the attempt before its deadline");
                return None;
            }
        };
        match answer.result {
            Ok(completed) => {
                let attempt_status = completed.attempt_status;
                tracing::debug!(%attempt_status, "completed");
                let heartbeat = hold.place().heartbeat;
                hold.moved(
                    completed.snapshot_id,
                    completed.attempt_number,
                    heartbeat,
                    since,
                );
                Some(attempt_status)
            }
            Err(error) if is_settled(&error) && answer.may_repeat => {
                // The answer to our own first try may have been lost with its connection.
                tracing::debug!(%error, "completed before, or lost");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the completion was refused");
                None
            }
        }
    }

    /// Reports the completion; one that the server cannot store is replaced by a failure that says so,
    /// because otherwise the run would stall and do the same again.
    async fn deliver(&self, hold: &Hold, completion: Completion) -> Answer<Completed> {
        let answer = self.calls.complete(hold.at(), completion).await;
        match answer.result {
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                tracing::warn!(%error, "the completion cannot be stored");
                let message = format!("the completion cannot be stored: {error}");
                let failure = Failure::internal("TASK_OUTPUT_ERROR", message);
                let completion = Completion::failure(&failure);
                self.calls.complete(hold.at(), completion).await
            }
            result => Answer { result, ..answer },
        }
    }
}
