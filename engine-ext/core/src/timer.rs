//! What can be due at a time.

use crate::status::named;

named! {
    /// What a timer is for.
    TimerKind {
        /// Cancel a run whose parent ended cancelled.
        CancelRun = "CANCEL_RUN",
        /// Put a run into its queue whose time has come.
        EndDelay = "END_DELAY",
        /// Promote runs of an environment that wait for a version.
        Promote = "PROMOTE",
        /// Complete a waitpoint whose moment has come, or whose time is over.
        FinishWaitpoint = "FINISH_WAITPOINT",
        /// See whether a run goes on.
        ContinueRun = "CONTINUE_RUN",
        /// See whether a batch has ended.
        CompleteBatch = "COMPLETE_BATCH",
        /// Abort a batch that is not sealed.
        ExpireBatch = "EXPIRE_BATCH",
        /// Fit what is there to the limits of an environment.
        FitLimits = "FIT_LIMITS",
    }
}

impl TimerKind {
    /// How `engine_tick` tells what it did.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::CancelRun => "cancelled_child",
            Self::EndDelay => "ended_delay",
            Self::Promote => "promoted_run",
            Self::FinishWaitpoint => "due_waitpoint",
            Self::ContinueRun => "continuation",
            Self::CompleteBatch => "batch_completion",
            Self::ExpireBatch => "expired_batch",
            Self::FitLimits => "fitted_environment",
        }
    }
}
