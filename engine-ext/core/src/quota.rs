//! Quotas: what an environment may use at most.

use std::fmt;

use crate::Refusal;

/// What an environment may use at most; `None` for no bound.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quota {
    /// Runs that wait: queued, delayed or parked.
    pub queued_runs: Option<i64>,
    /// New runs per second, on average.
    pub runs_per_second: Option<f64>,
    /// Bytes of one run's payload.
    pub payload_bytes: Option<i64>,
    /// Bytes of the payloads of all runs that are kept.
    pub kept_bytes: Option<i64>,
    /// Schedules.
    pub schedules: Option<i32>,
}

/// What a quota is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// Runs that wait.
    QueuedRuns {
        /// How many do.
        used: i64,
        /// How many may.
        bound: i64,
    },
    /// Runs per second.
    RunsPerSecond {
        /// How many thousand seconds may have on average.
        bound: i64,
        /// When the call is within it, milliseconds; `None` for never.
        wait_ms: Option<i64>,
    },
    /// Bytes of one payload.
    PayloadBytes {
        /// How many it has.
        used: i64,
        /// How many it may have.
        bound: i64,
    },
    /// Bytes of all payloads.
    KeptBytes {
        /// How many there are.
        used: i64,
        /// How many there may be.
        bound: i64,
    },
    /// Schedules.
    Schedules {
        /// How many there are.
        used: i64,
        /// How many there may be.
        bound: i32,
    },
}

impl Exceeded {
    /// The parameter of `engine_set_quota` that sets it.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::QueuedRuns { .. } => "queued_runs",
            Self::RunsPerSecond { .. } => "runs_per_second",
            Self::PayloadBytes { .. } => "payload_bytes",
            Self::KeptBytes { .. } => "kept_bytes",
            Self::Schedules { .. } => "schedules",
        }
    }

    /// What a caller can do.
    #[must_use]
    pub fn advice(self) -> String {
        let first = match self {
            Self::QueuedRuns { .. } => "Trigger again once runs have been dequeued".to_owned(),
            Self::RunsPerSecond {
                wait_ms: Some(wait_ms),
                ..
            } => format!("Trigger again in {wait_ms} ms"),
            Self::RunsPerSecond { wait_ms: None, .. } => "Trigger nothing here".to_owned(),
            Self::PayloadBytes { .. } => "Pass less, or a reference to it".to_owned(),
            Self::KeptBytes { .. } => "Trigger again once runs have been removed".to_owned(),
            Self::Schedules { .. } => "Delete a schedule".to_owned(),
        };
        format!(
            "{first}, or raise {} with engine_set_quota.",
            self.parameter()
        )
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueuedRuns { used, bound } => {
                write!(out, "Of its runs {used} wait, and {bound} may.")
            }
            Self::RunsPerSecond { bound, .. } => {
                let rate = *bound as f64 / 1000.0;
                write!(out, "On average {rate} runs per second may be triggered.")
            }
            Self::PayloadBytes { used, bound } => {
                write!(out, "The payload has {used} bytes, and may have {bound}.")
            }
            Self::KeptBytes { used, bound } => write!(
                out,
                "The payloads of its runs have {used} bytes, and may have {bound}."
            ),
            Self::Schedules { used, bound } => {
                write!(out, "It has {used} schedules, and may have {bound}.")
            }
        }
    }
}

impl Quota {
    /// Whether triggers count against it, one after the other.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        self.queued_runs.is_some() || self.runs_per_second.is_some() || self.kept_bytes.is_some()
    }

    /// Refuses a payload of too many bytes.
    ///
    /// # Errors
    /// [`Refusal::QuotaExceeded`] (`RE017`).
    pub fn check_payload(&self, environment_id: &str, bytes: usize) -> Result<(), Refusal> {
        let used = i64::try_from(bytes).unwrap_or(i64::MAX);
        match self.payload_bytes {
            Some(bound) if used > bound => Err(Refusal::QuotaExceeded {
                environment_id: environment_id.to_owned(),
                what: Exceeded::PayloadBytes { used, bound },
            }),
            _ => Ok(()),
        }
    }

    /// Refuses one more schedule beside `used` ones.
    ///
    /// # Errors
    /// [`Refusal::QuotaExceeded`] (`RE017`).
    pub fn check_schedules(&self, environment_id: &str, used: i64) -> Result<(), Refusal> {
        match self.schedules {
            Some(bound) if used >= i64::from(bound) => Err(Refusal::QuotaExceeded {
                environment_id: environment_id.to_owned(),
                what: Exceeded::Schedules { used, bound },
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_than_a_bound_is_refused() {
        let quota = Quota {
            payload_bytes: Some(8),
            schedules: Some(1),
            ..Quota::default()
        };
        assert!(quota.check_payload("a", 8).is_ok());
        assert_eq!(quota.check_payload("a", 9).unwrap_err().sqlstate(), "RE017");
        assert!(quota.check_schedules("a", 0).is_ok());
        assert!(quota.check_schedules("a", 1).is_err());
    }
}
