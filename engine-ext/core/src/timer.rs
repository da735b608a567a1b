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
        }
    }
}
