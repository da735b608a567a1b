//! Repeats: a worker that lost the answer to a call makes it again, and gets the first answer.

use crate::{ExecutionStatus, Run, RunStatus, SnapshotId, Timestamp, Transition, attempt, cancel};

/// A call of a worker that may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It starts an attempt.
    Start,
    /// It reports the end of an attempt.
    Completion,
    /// It gives the run back.
    Release,
}

/// The snapshot that follows the one that a caller holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// Its id.
    pub snapshot_id: SnapshotId,
    /// What caused it.
    pub transition: Transition,
    /// The run's execution status from then on.
    pub execution_status: ExecutionStatus,
    /// The run's status for its owner.
    pub run_status: RunStatus,
    /// Number of the latest attempt.
    pub attempt_number: Option<i32>,
    /// Its description.
    pub description: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When the next attempt may start, after a failed one.
    pub retry_at: Option<Timestamp>,
    /// Whether the same worker wrote it: its ids are known, and the caller's.
    pub is_callers: bool,
    /// The execution status before.
    pub before: ExecutionStatus,
}

impl Next {
    /// Whether a call like this one by the same worker wrote it, and `run` has not moved on since.
    #[must_use]
    pub fn answers(&self, asked: Asked, run: &Run) -> bool {
        self.is_callers && self.snapshot_id == run.snapshot_id && self.cause() == Some(asked)
    }

    /// Whether it cancels a run that a worker had dequeued and not started.
    #[must_use]
    pub fn cancels_before_start(&self) -> bool {
        self.transition == Transition::CancelRequested
            && self.before == ExecutionStatus::PendingExecuting
    }

    /// The call of a worker that writes such a snapshot.
    fn cause(&self) -> Option<Asked> {
        use Transition::*;
        match self.transition {
            Started => Some(Asked::Start),
            Canceled if self.description == cancel::NEVER_STARTED => Some(Asked::Start),
            Failed if self.description == attempt::USED_UP => Some(Asked::Start),
            Failed if self.description == crate::stall::GIVEN_UP => Some(Asked::Release),
            Succeeded | Failed | Retried | RetriedByQueue | AttemptFailed | Canceled => {
                Some(Asked::Completion)
            }
            Requeued | StalledForGood => Some(Asked::Release),
            Triggered | TriggeredDelayed | CreatedCanceled | CreatedFailed | DelayEnded
            | Rescheduled | Expired | Parked | Promoted | Dequeued | ContinuedInQueue | Refused
            | Continued | CancelRequested | Blocked | Unblocked | Suspended | Resumed
            | Redriven => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::tests::run_in;

    fn next(transition: Transition, description: &str) -> Next {
        Next {
            snapshot_id: run_in(ExecutionStatus::Executing).snapshot_id,
            transition,
            execution_status: ExecutionStatus::Executing,
            run_status: RunStatus::Executing,
            attempt_number: Some(1),
            description: description.to_owned(),
            created_at: Timestamp::from_micros(0),
            retry_at: None,
            is_callers: true,
            before: ExecutionStatus::PendingExecuting,
        }
    }

    #[test]
    fn a_call_is_answered_by_what_the_same_call_wrote_and_by_nothing_else() {
        use Transition::*;
        let run = run_in(ExecutionStatus::Executing);
        let all = [Asked::Start, Asked::Completion, Asked::Release];
        for (next, cause) in [
            (next(Started, ""), Asked::Start),
            (next(Failed, attempt::USED_UP), Asked::Start),
            (next(Canceled, cancel::NEVER_STARTED), Asked::Start),
            (next(Succeeded, ""), Asked::Completion),
            (next(Failed, "Failed"), Asked::Completion),
            (next(Canceled, "Cancelled"), Asked::Completion),
            (next(RetriedByQueue, ""), Asked::Completion),
            (next(Requeued, ""), Asked::Release),
            (next(Failed, crate::stall::GIVEN_UP), Asked::Release),
        ] {
            for asked in all {
                assert_eq!(next.answers(asked, &run), asked == cause, "{next:?}");
            }
        }
    }

    #[test]
    fn no_other_worker_is_answered_and_none_after_the_run_has_moved_on() {
        let run = run_in(ExecutionStatus::Executing);
        let other = Next {
            is_callers: false,
            ..next(Transition::Started, "")
        };
        assert!(!other.answers(Asked::Start, &run));
        let earlier = Next {
            snapshot_id: SnapshotId::parse("a"),
            ..next(Transition::Started, "")
        };
        assert!(!earlier.answers(Asked::Start, &run));
    }
}
