//! The statuses of a run.

/// Declares an enum whose variants have one name each, in SQL, JSON and error messages.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in SQL and JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value with this name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named! {
    /// A run's status for its owner.
    RunStatus {
        /// Waits for its due time.
        Delayed = "DELAYED",
        /// In its queue, or on its way to a worker.
        Pending = "PENDING",
        /// Waits for a version that knows its task.
        PendingVersion = "PENDING_VERSION",
        /// Deprecated predecessor of `PendingVersion`.
        WaitingForDeploy = "WAITING_FOR_DEPLOY",
        /// Held by a worker; no attempt has started since.
        Dequeued = "DEQUEUED",
        /// An attempt runs.
        Executing = "EXECUTING",
        /// Suspended behind a checkpoint.
        WaitingToResume = "WAITING_TO_RESUME",
        /// Never written by this engine.
        RetryingAfterFailure = "RETRYING_AFTER_FAILURE",
        /// Never written by this engine.
        Paused = "PAUSED",
        /// Final: cancelled.
        Canceled = "CANCELED",
        /// Final: interrupted.
        Interrupted = "INTERRUPTED",
        /// Final: its last attempt succeeded.
        CompletedSuccessfully = "COMPLETED_SUCCESSFULLY",
        /// Final: its last attempt failed.
        CompletedWithErrors = "COMPLETED_WITH_ERRORS",
        /// Final: the engine gave it up.
        SystemFailure = "SYSTEM_FAILURE",
        /// Final: its process died.
        Crashed = "CRASHED",
        /// Final: its time to live passed in the queue.
        Expired = "EXPIRED",
        /// Final: it ran longer than its time limit.
        TimedOut = "TIMED_OUT",
    }
}

named! {
    /// A run's status for the engine, that of its latest snapshot.
    ExecutionStatus {
        /// Exists without being queued.
        RunCreated = "RUN_CREATED",
        /// Waits for its due time.
        Delayed = "DELAYED",
        /// In its queue.
        Queued = "QUEUED",
        /// In its queue while its process is alive; legacy.
        QueuedExecuting = "QUEUED_EXECUTING",
        /// Held by a worker that has not started an attempt.
        PendingExecuting = "PENDING_EXECUTING",
        /// An attempt runs.
        Executing = "EXECUTING",
        /// An attempt runs and waits.
        ExecutingWithWaitpoints = "EXECUTING_WITH_WAITPOINTS",
        /// Waits without a process and without a slot.
        Suspended = "SUSPENDED",
        /// Cancelled; its worker has not confirmed.
        PendingCancel = "PENDING_CANCEL",
        /// Ended.
        Finished = "FINISHED",
    }
}

named! {
    /// What kind of environment a run belongs to.
    EnvironmentType {
        /// Serves real users.
        Production = "PRODUCTION",
        /// Rehearses production.
        Staging = "STAGING",
        /// A developer's own; a stalled attempt ends there instead of being retried.
        Development = "DEVELOPMENT",
        /// One per branch.
        Preview = "PREVIEW",
    }
}

named! {
    /// The effect of a completion.
    AttemptStatus {
        /// The run has ended.
        RunFinished = "RUN_FINISHED",
        /// The run was cancelled and waits for its worker to confirm.
        RunPendingCancel = "RUN_PENDING_CANCEL",
        /// The next attempt comes through the queue.
        RetryQueued = "RETRY_QUEUED",
        /// The same worker starts the next attempt.
        RetryImmediately = "RETRY_IMMEDIATELY",
    }
}

impl RunStatus {
    /// The status as snapshots show it: runners do not know `DEQUEUED`.
    #[must_use]
    pub const fn in_snapshot(self) -> Self {
        match self {
            Self::Dequeued => Self::Pending,
            other => other,
        }
    }

    /// Whether the run stays in this status permanently.
    #[must_use]
    pub const fn is_final(self) -> bool {
        use RunStatus::*;
        match self {
            Canceled
            | Interrupted
            | CompletedSuccessfully
            | CompletedWithErrors
            | SystemFailure
            | Crashed
            | Expired
            | TimedOut => true,
            Delayed | Pending | PendingVersion | WaitingForDeploy | Dequeued | Executing
            | WaitingToResume | RetryingAfterFailure | Paused => false,
        }
    }

    /// Whether the run has ended neither successfully nor by a cancel.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        use RunStatus::*;
        match self {
            Interrupted | CompletedWithErrors | SystemFailure | Crashed | Expired | TimedOut => {
                true
            }
            Canceled
            | CompletedSuccessfully
            | Delayed
            | Pending
            | PendingVersion
            | WaitingForDeploy
            | Dequeued
            | Executing
            | WaitingToResume
            | RetryingAfterFailure
            | Paused => false,
        }
    }
}

impl EnvironmentType {
    /// Whether an attempt whose worker died is retried.
    #[must_use]
    pub const fn retries_stalls(self) -> bool {
        match self {
            Self::Production | Self::Staging | Self::Preview => true,
            Self::Development => false,
        }
    }
}

/// A match over execution statuses that names only those to which a decision applies; all others have one outcome.
///
/// It lists every status, so that a new one does not compile until this list has it.
macro_rules! only_in {
    ($status:expr, { $($pattern:pat $(if $guard:expr)? => $value:expr),+ $(,)? } else $other:expr) => {
        match $status {
            $($pattern $(if $guard)? => $value,)+
            #[allow(unreachable_patterns, reason = "the statuses above are part of the whole list")]
            $crate::ExecutionStatus::RunCreated
            | $crate::ExecutionStatus::Delayed
            | $crate::ExecutionStatus::Queued
            | $crate::ExecutionStatus::QueuedExecuting
            | $crate::ExecutionStatus::PendingExecuting
            | $crate::ExecutionStatus::Executing
            | $crate::ExecutionStatus::ExecutingWithWaitpoints
            | $crate::ExecutionStatus::Suspended
            | $crate::ExecutionStatus::PendingCancel
            | $crate::ExecutionStatus::Finished => $other,
        }
    };
}

pub(crate) use only_in;

impl AttemptStatus {
    /// The effect of a completion that left its run in this status.
    #[must_use]
    pub const fn left_in(status: ExecutionStatus) -> Self {
        only_in!(status, {
            ExecutionStatus::Finished => Self::RunFinished,
            ExecutionStatus::Executing => Self::RetryImmediately
        } else Self::RetryQueued)
    }
}

impl ExecutionStatus {
    /// Whether a run in this status holds a slot.
    #[must_use]
    pub const fn holds_slot(self) -> bool {
        use ExecutionStatus::*;
        match self {
            PendingExecuting | Executing | ExecutingWithWaitpoints => true,
            RunCreated | Delayed | Queued | QueuedExecuting | Suspended | PendingCancel
            | Finished => false,
        }
    }

    /// Whether a run in this status has a queue item.
    #[must_use]
    pub const fn is_queued(self) -> bool {
        use ExecutionStatus::*;
        match self {
            Queued | QueuedExecuting => true,
            RunCreated
            | Delayed
            | PendingExecuting
            | Executing
            | ExecutingWithWaitpoints
            | Suspended
            | PendingCancel
            | Finished => false,
        }
    }

    /// Whether a run in this status may have edges, to waitpoints that it waits for, or waited for when it was cancelled.
    #[must_use]
    pub const fn keeps_edges(self) -> bool {
        use ExecutionStatus::*;
        match self {
            ExecutingWithWaitpoints | Suspended | PendingCancel => true,
            RunCreated | Delayed | Queued | QueuedExecuting | PendingExecuting | Executing
            | Finished => false,
        }
    }

    /// Whether the process of a run in this status may be frozen.
    #[must_use]
    pub const fn is_checkpointable(self) -> bool {
        use ExecutionStatus::*;
        match self {
            RunCreated | Queued | QueuedExecuting | Executing | ExecutingWithWaitpoints => true,
            Delayed | PendingExecuting | Suspended | PendingCancel | Finished => false,
        }
    }

    /// Whether a run in this status has a heartbeat deadline.
    #[must_use]
    pub const fn has_heartbeat(self) -> bool {
        use ExecutionStatus::*;
        match self {
            PendingExecuting | Executing | ExecutingWithWaitpoints | Suspended | PendingCancel => {
                true
            }
            RunCreated | Delayed | Queued | QueuedExecuting | Finished => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for status in RunStatus::ALL {
            assert_eq!(RunStatus::parse(status.as_str()), Some(*status));
        }
        for status in ExecutionStatus::ALL {
            assert_eq!(ExecutionStatus::parse(status.as_str()), Some(*status));
        }
        assert_eq!(RunStatus::parse("pending"), None);
    }

    #[test]
    fn eight_run_statuses_are_final() {
        assert_eq!(
            RunStatus::ALL
                .iter()
                .filter(|status| status.is_final())
                .count(),
            8
        );
    }

    #[test]
    fn a_snapshot_says_pending_for_dequeued_and_nothing_else_differs() {
        for status in RunStatus::ALL {
            let expected = if *status == RunStatus::Dequeued {
                RunStatus::Pending
            } else {
                *status
            };
            assert_eq!(status.in_snapshot(), expected);
        }
    }

    #[test]
    fn whoever_holds_a_slot_has_a_heartbeat() {
        for status in ExecutionStatus::ALL
            .iter()
            .filter(|status| status.holds_slot())
        {
            assert!(status.has_heartbeat() && !status.is_queued(), "{status}");
        }
    }
}
