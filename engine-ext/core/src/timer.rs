//! Kinds of timers.

use crate::status::named;

named! {
    /// The action of a timer.
    TimerKind {
        /// Cancel a run whose parent ended cancelled.
        CancelRun = "CANCEL_RUN",
        /// Queue a delayed run.
        EndDelay = "END_DELAY",
        /// Promote parked runs of an environment.
        Promote = "PROMOTE",
        /// Complete a waitpoint that is due or has timed out.
        FinishWaitpoint = "FINISH_WAITPOINT",
        /// Check whether a run continues.
        ContinueRun = "CONTINUE_RUN",
        /// Check whether a batch has ended.
        CompleteBatch = "COMPLETE_BATCH",
        /// Abort a batch that is not sealed.
        ExpireBatch = "EXPIRE_BATCH",
        /// Remove what is due of a run that says how long it is kept.
        EndKeep = "END_KEEP",
        /// Adapt existing rows to the limits of an environment.
        FitLimits = "FIT_LIMITS",
    }
}

impl TimerKind {
    /// The name in the result of `engine_tick`.
    #[must_use]
    pub const fn reported_as(self) -> &'static str {
        match self {
            Self::CancelRun => "cancelled_child",
            Self::EndDelay => "ended_delay",
            Self::Promote => "promoted_run",
            Self::FinishWaitpoint => "due_waitpoint",
            Self::ContinueRun => "continuation",
            Self::CompleteBatch => "batch_completion",
            Self::ExpireBatch => "expired_batch",
            Self::EndKeep => "ended_keep",
            Self::FitLimits => "fitted_environment",
        }
    }
}
