//! The causes of snapshots.

use crate::status::named;

named! {
    /// The cause of a snapshot. The view `engine.event` maps it to events.
    Transition {
        /// A trigger queued the run.
        Triggered = "TRIGGERED",
        /// A trigger created the run with a delay.
        TriggeredDelayed = "TRIGGERED_DELAYED",
        /// A run recorded as cancelled before it existed.
        CreatedCanceled = "CREATED_CANCELED",
        /// A run that could not be triggered.
        CreatedFailed = "CREATED_FAILED",
        /// The delay ended.
        DelayEnded = "DELAY_ENDED",
        /// The due time was moved.
        Rescheduled = "RESCHEDULED",
        /// The time to live passed in the queue.
        Expired = "EXPIRED",
        /// No version knows its task.
        Parked = "PARKED",
        /// A version knows its task.
        Promoted = "PROMOTED",
        /// A worker received the run.
        Dequeued = "DEQUEUED",
        /// The run received its slot while its process is alive.
        ContinuedInQueue = "CONTINUED_IN_QUEUE",
        /// A record of a problem; the snapshot is not valid.
        Refused = "REFUSED",
        /// No worker started it in time, or its worker released it.
        Requeued = "REQUEUED",
        /// An attempt started.
        Started = "STARTED",
        /// A restored worker continues.
        Continued = "CONTINUED",
        /// The attempt succeeded.
        Succeeded = "SUCCEEDED",
        /// The attempt failed and is not retried.
        Failed = "FAILED",
        /// The worker stopped beating and the attempt is not retried.
        StalledForGood = "STALLED_FOR_GOOD",
        /// The attempt failed; the same worker starts the next one.
        Retried = "RETRIED",
        /// The attempt failed; the next one comes through the queue.
        RetriedByQueue = "RETRIED_BY_QUEUE",
        /// The worker died; the next attempt comes through the queue.
        AttemptFailed = "ATTEMPT_FAILED",
        /// Cancelled; its worker has not confirmed.
        CancelRequested = "CANCEL_REQUESTED",
        /// Cancelled and ended.
        Canceled = "CANCELED",
        /// The run waits.
        Blocked = "BLOCKED",
        /// Everything that the run waited for is completed.
        Unblocked = "UNBLOCKED",
        /// The process is frozen.
        Suspended = "SUSPENDED",
        /// Queued again, to be restored.
        Resumed = "RESUMED",
        /// Queued again after the queue had given it up.
        Redriven = "REDRIVEN",
    }
}

impl Transition {
    /// The text to store of a snapshot: none, if it is the usual one.
    pub fn unusual(self, description: &str) -> Option<&str> {
        (description != self.description()).then_some(description)
    }

    /// The usual text of its snapshots. It is not stored: the view `engine.history` adds it. A snapshot with an error has the
    /// error as its text.
    pub fn description(self) -> &'static str {
        match self {
            Self::Triggered => "Triggered",
            Self::TriggeredDelayed => "Triggered: it waits for its time",
            Self::CreatedCanceled => "Cancelled before it was triggered",
            Self::CreatedFailed => "Failed before it was triggered",
            Self::DelayEnded => "Queued: its delay has ended",
            Self::Rescheduled => "Rescheduled",
            Self::Expired => "Expired: its time to live passed in the queue",
            Self::Parked => "Parked: it waits for a version",
            Self::Promoted => "Promoted: a version knows its task",
            Self::Dequeued => "Dequeued",
            Self::ContinuedInQueue => "Continued: it has its slot again",
            Self::Refused => "Refused",
            Self::Requeued => "Requeued: its worker released it",
            Self::Started => "Attempt started",
            Self::Continued => "Continued after it was suspended",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::StalledForGood => "Failed: its worker stopped beating",
            Self::Retried => "Retried at once",
            Self::RetriedByQueue => "Retried through the queue",
            Self::AttemptFailed => "Requeued: its worker stopped beating",
            Self::CancelRequested => "Cancelled: its worker is asked to stop",
            Self::Canceled => "Cancelled",
            Self::Blocked => "Blocked by a waitpoint",
            Self::Unblocked => "Unblocked while its process is alive",
            Self::Suspended => "Suspended",
            Self::Resumed => "Queued: all its waitpoints are completed",
            Self::Redriven => "Redriven",
        }
    }
}
