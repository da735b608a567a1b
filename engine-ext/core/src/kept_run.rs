//! Which runs a retention policy is about, and for how long it may keep them.

use crate::status::named;
use crate::{EnvironmentType, Refusal, RunStatus, check_name};

pub(crate) const DAY_MS: i64 = 24 * 3_600_000;

/// Longest retention: a hundred years. For a longer one pass none: for ever.
pub(crate) const LONGEST_DAYS: i64 = 36_500;

named! {
    /// How a run has ended, as policies name it.
    RunOutcome {
        /// Its last attempt succeeded.
        Completed = "COMPLETED",
        /// It was cancelled.
        Canceled = "CANCELED",
        /// Its time to live passed in the queue.
        Expired = "EXPIRED",
        /// Its last attempt failed.
        Failed = "FAILED",
        /// The engine gave it up: it crashed, ran for too long, or lost its workers.
        DeadLetter = "DEAD_LETTER",
    }
}

impl RunOutcome {
    /// The outcome of a run; `None` while it has not ended.
    #[must_use]
    pub const fn of(status: RunStatus) -> Option<Self> {
        use RunStatus::*;
        match status {
            CompletedSuccessfully => Some(Self::Completed),
            Canceled => Some(Self::Canceled),
            Expired => Some(Self::Expired),
            CompletedWithErrors | Interrupted => Some(Self::Failed),
            SystemFailure | Crashed | TimedOut => Some(Self::DeadLetter),
            Delayed | Pending | PendingVersion | WaitingForDeploy | Dequeued | Executing
            | WaitingToResume | RetryingAfterFailure | Paused => None,
        }
    }

    /// How long such a run is kept unless a policy says otherwise.
    pub(crate) const fn built_in_ms(self) -> i64 {
        match self {
            Self::Completed | Self::Canceled | Self::Expired => 7 * DAY_MS,
            Self::Failed | Self::DeadLetter => 30 * DAY_MS,
        }
    }
}

/// The runs that a policy is about; `None` for those of every environment, task, queue or outcome.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct KeptRuns {
    /// Their environment.
    pub environment_id: Option<String>,
    /// Their task.
    pub task: Option<String>,
    /// Their queue.
    pub queue: Option<String>,
    /// Their outcome.
    pub outcome: Option<RunOutcome>,
}

impl KeptRuns {
    /// Checks what a caller names.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for a name of more than 128 characters, for a task and a queue, or for an
    /// unknown outcome.
    pub fn check(
        environment_id: Option<String>,
        task: Option<String>,
        queue: Option<String>,
        outcome: Option<&str>,
    ) -> Result<Self, Refusal> {
        for (parameter, name) in [
            ("environment_id", &environment_id),
            ("task", &task),
            ("queue", &queue),
        ] {
            if let Some(name) = name {
                check_name(parameter, name)?;
            }
        }
        if task.is_some() && queue.is_some() {
            return Err(Refusal::invalid(
                "queue",
                "The policy names a task as well.".to_owned(),
                "Name a task or a queue: the policy of a task comes first, whatever its queue is.",
            ));
        }
        let outcome = outcome
            .map(|text| {
                RunOutcome::parse(text).ok_or_else(|| {
                    Refusal::invalid(
                        "outcome",
                        "It is none of the outcomes that a run can have.".to_owned(),
                        "Pass COMPLETED, CANCELED, EXPIRED, FAILED or DEAD_LETTER, or omit it.",
                    )
                })
            })
            .transpose()?;
        Ok(Self {
            environment_id,
            task,
            queue,
            outcome,
        })
    }
}

/// Checks how long runs are to be kept: months, days and microseconds of an interval. A month has 30 days. Returns
/// milliseconds; `None` for ever.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) for a negative time, or more than 36500 days.
pub fn check_keep(keep: Option<(i32, i32, i64)>) -> Result<Option<i64>, Refusal> {
    let Some((months, days, micros)) = keep else {
        return Ok(None);
    };
    let days = i64::from(months) * 30 + i64::from(days);
    let ms = days * DAY_MS + micros / 1000;
    if (0..=LONGEST_DAYS * DAY_MS).contains(&ms) {
        return Ok(Some(ms));
    }
    let detail = if ms < 0 {
        "It is less than nothing."
    } else {
        "It is longer than 36500 days."
    };
    Err(Refusal::invalid(
        "keep",
        detail.to_owned(),
        "Pass an interval from 0 to 36500 days, such as 7 days, or NULL for ever.",
    ))
}

/// A run, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptRun {
    /// Its environment.
    pub environment_id: String,
    /// The kind of its environment.
    pub environment_type: EnvironmentType,
    /// Whether it is a test.
    pub is_test: bool,
    /// Its task.
    pub task: String,
    /// Its queue.
    pub queue: String,
    /// Its status.
    pub run_status: RunStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_an_outcome_exactly_if_it_has_ended() {
        for status in RunStatus::ALL {
            assert_eq!(
                RunOutcome::of(*status).is_some(),
                status.is_final(),
                "{status}"
            );
        }
    }

    #[test]
    fn a_policy_names_a_task_or_a_queue_and_a_time_that_exists() {
        let check = |task: &str, queue: Option<&str>, outcome| {
            KeptRuns::check(
                None,
                Some(task.to_owned()),
                queue.map(str::to_owned),
                outcome,
            )
        };
        assert!(check("t", None, Some("FAILED")).is_ok());
        for refused in [
            check("t", Some("q"), None),
            check("", None, None),
            check(&"t".repeat(129), None, None),
            check("t", None, Some("failed")),
        ] {
            assert_eq!(refused.unwrap_err().sqlstate(), "22023");
        }
        assert_eq!(check_keep(None), Ok(None));
        assert_eq!(check_keep(Some((0, 0, 0))), Ok(Some(0)));
        assert_eq!(
            check_keep(Some((1, 1, 1_000_000))),
            Ok(Some(31 * DAY_MS + 1000))
        );
        assert_eq!(check_keep(Some((0, 36_500, 0))), Ok(Some(36_500 * DAY_MS)));
        for keep in [
            (0, -1, 0),
            (0, 0, -1_000_000),
            (0, 36_501, 0),
            (i32::MAX, i32::MAX, i64::MAX),
            (i32::MIN, i32::MIN, i64::MIN),
        ] {
            assert_eq!(check_keep(Some(keep)).unwrap_err().sqlstate(), "22023");
        }
    }
}
