//! The statuses of the contract, which SQL sends as text.

use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;

use tokio_postgres::types::{FromSql, Type};

/// A status that this version of the crate does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownStatus(String);

impl fmt::Display for UnknownStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown status \"{}\"", self.0)
    }
}

impl StdError for UnknownStatus {}

macro_rules! status {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "`.")]
                $(#[$variant_doc])*
                $variant,
            )+
        }

        impl $name {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The status as SQL writes it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownStatus;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(UnknownStatus(other.to_owned())),
                }
            }
        }

        impl<'a> FromSql<'a> for $name {
            fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
                Ok(<&str as FromSql>::from_sql(ty, raw)?.parse()?)
            }

            fn accepts(ty: &Type) -> bool {
                <&str as FromSql>::accepts(ty)
            }
        }
    };
}

status! {
    /// A run's status for its owner.
    RunStatus {
        Delayed = "DELAYED",
        Pending = "PENDING",
        PendingVersion = "PENDING_VERSION",
        WaitingForDeploy = "WAITING_FOR_DEPLOY",
        Dequeued = "DEQUEUED",
        Executing = "EXECUTING",
        WaitingToResume = "WAITING_TO_RESUME",
        RetryingAfterFailure = "RETRYING_AFTER_FAILURE",
        Paused = "PAUSED",
        /// Final.
        Canceled = "CANCELED",
        /// Final.
        Interrupted = "INTERRUPTED",
        /// Final.
        CompletedSuccessfully = "COMPLETED_SUCCESSFULLY",
        /// Final.
        CompletedWithErrors = "COMPLETED_WITH_ERRORS",
        /// Final.
        SystemFailure = "SYSTEM_FAILURE",
        /// Final.
        Crashed = "CRASHED",
        /// Final.
        Expired = "EXPIRED",
        /// Final.
        TimedOut = "TIMED_OUT",
    }
}

impl RunStatus {
    /// Whether the run has ended: a final status never changes again.
    pub fn is_final(self) -> bool {
        match self {
            Self::Canceled
            | Self::Interrupted
            | Self::CompletedSuccessfully
            | Self::CompletedWithErrors
            | Self::SystemFailure
            | Self::Crashed
            | Self::Expired
            | Self::TimedOut => true,
            Self::Delayed
            | Self::Pending
            | Self::PendingVersion
            | Self::WaitingForDeploy
            | Self::Dequeued
            | Self::Executing
            | Self::WaitingToResume
            | Self::RetryingAfterFailure
            | Self::Paused => false,
        }
    }
}

status! {
    /// A run's status for the engine, that of its latest snapshot.
    ExecutionStatus {
        RunCreated = "RUN_CREATED",
        Delayed = "DELAYED",
        Queued = "QUEUED",
        QueuedExecuting = "QUEUED_EXECUTING",
        PendingExecuting = "PENDING_EXECUTING",
        Executing = "EXECUTING",
        ExecutingWithWaitpoints = "EXECUTING_WITH_WAITPOINTS",
        Suspended = "SUSPENDED",
        PendingCancel = "PENDING_CANCEL",
        Finished = "FINISHED",
    }
}

status! {
    /// The outcome of a completed attempt.
    AttemptStatus {
        RunFinished = "RUN_FINISHED",
        RunPendingCancel = "RUN_PENDING_CANCEL",
        /// The run was requeued.
        RetryQueued = "RETRY_QUEUED",
        /// The run stays with its worker, which starts the next attempt itself.
        RetryImmediately = "RETRY_IMMEDIATELY",
    }
}

status! {
    /// What a database does with a shard.
    ShardState {
        /// The database serves it.
        Serving = "SERVING",
        /// The database hands it over: what is there can be read, and is not changed.
        Moving = "MOVING",
        /// The database does not serve it.
        Away = "AWAY",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_read_back_from_its_text() {
        for status in RunStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        for status in ExecutionStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        for status in AttemptStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        for state in ShardState::ALL {
            assert_eq!(state.as_str().parse(), Ok(*state));
        }
    }

    #[test]
    fn an_unknown_status_is_refused_by_name() {
        let refusal = "SLEEPING".parse::<RunStatus>().unwrap_err();
        assert_eq!(refusal.to_string(), "unknown status \"SLEEPING\"");
    }

    #[test]
    fn eight_run_statuses_are_final() {
        let finals = RunStatus::ALL.iter().filter(|status| status.is_final());
        assert_eq!(finals.count(), 8);
    }
}
