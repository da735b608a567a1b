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
