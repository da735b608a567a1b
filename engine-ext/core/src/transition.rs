//! The state machine: what a command does to a run.
//!
//! [`decide`] is total: every pair of execution status and command is either a plan or a refusal, and no match over
//! statuses has a catch-all arm, so that a new status does not compile until every command knows it.

use serde_json::Value;

use crate::{
    AttemptStatus, Backoff, Completion, DEFAULT_MAX_ATTEMPTS, EnvironmentType, ExecutionStatus,
    Refusal, RunError, RunId, RunStatus, SnapshotId, Timestamp, attempt, stall,
};

/// A run as it was read under its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// What it is to its owner.
    pub run_status: RunStatus,
    /// What it is to the engine.
    pub execution_status: ExecutionStatus,
    /// Its latest snapshot.
    pub snapshot_id: SnapshotId,
    /// Ordinal of that snapshot.
    pub snapshot_ordinal: i32,
    /// The attempt that last started.
    pub attempt_number: Option<i32>,
    /// How many attempts it has, if that was said.
    pub max_attempts: Option<i32>,
    /// How often it came back into its queue unfinished.
    pub queue_attempts: i32,
    /// The machine it asks for.
    pub machine: Option<String>,
    /// Time that its attempts have used, milliseconds.
    pub usage_duration_ms: i32,
    /// Whether it was ever handed to a worker.
    pub was_dequeued: bool,
    /// The kind of its environment.
    pub environment_type: EnvironmentType,
}

/// What somebody wants of a run.
#[derive(Debug, Clone, Copy)]
pub enum Command<'a> {
    /// Hand it to a worker.
    Dequeue,
    /// Start its next attempt.
    Start {
        /// The caller's snapshot.
        snapshot_id: &'a SnapshotId,
    },
    /// End its attempt.
    Complete {
        /// The caller's snapshot.
        snapshot_id: &'a SnapshotId,
        /// How it ended.
        completion: &'a Completion,
    },
    /// Its heartbeat deadline has passed.
    Stall(StallPolicy),
}

/// What a stalled run comes back with.
#[derive(Debug, Clone, Copy)]
pub struct StallPolicy {
    /// The time of the call.
    pub now: Timestamp,
    /// Delays of the queue.
    pub backoff: Backoff,
    /// At least 1, less than 2.
    pub jitter: f64,
    /// How often a run may come back before the queue gives it up.
    pub queue_max_attempts: i32,
}

/// What becomes of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// QUEUED → PENDING_EXECUTING.
    Claim {
        /// How many attempts the run has.
        max_attempts: i32,
    },
    /// PENDING_EXECUTING or EXECUTING → EXECUTING.
    Start {
        /// Number of the attempt.
        attempt_number: i32,
    },
    /// → FINISHED.
    Finish(Finish),
    /// → QUEUED.
    Requeue(Requeue),
    /// Nothing.
    Keep,
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// Its final status.
    pub run_status: RunStatus,
    /// What the caller is told.
    pub attempt_status: AttemptStatus,
    /// Text of the last snapshot.
    pub description: &'static str,
    /// Its result.
    pub output: Option<String>,
    /// Media type of the result.
    pub output_type: Option<String>,
    /// Its error.
    pub error: Option<Value>,
    /// Time that all its attempts have used, milliseconds.
    pub usage_duration_ms: i32,
}

/// How a run comes back into its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requeue {
    /// Text of the snapshot.
    pub description: &'static str,
    /// From when it may be claimed.
    pub available_at: Timestamp,
    /// How often it has come back now.
    pub queue_attempts: i32,
    /// Whether the snapshot carries batch, checkpoint and completed waitpoints of its predecessor.
    pub carries: bool,
}

/// What `command` does to `run`.
///
/// # Errors
/// - [`Refusal::StaleSnapshot`] (`RE002`) if the caller's snapshot is not the latest.
/// - [`Refusal::RunFinished`] (`RE003`) if the run is over.
/// - [`Refusal::WrongStatus`] (`RE004`) if its status does not allow the command.
pub fn decide(run: &Run, command: Command<'_>) -> Result<Plan, Refusal> {
    match command {
        Command::Dequeue => Ok(dequeue(run)),
        Command::Start { snapshot_id } => attempt::start(run, snapshot_id),
        Command::Complete {
            snapshot_id,
            completion,
        } => attempt::complete(run, snapshot_id, completion),
        Command::Stall(policy) => Ok(stall::stall(run, policy)),
    }
}

/// Only a queued run is handed out; anything else that stands in a queue is left there.
fn dequeue(run: &Run) -> Plan {
    use ExecutionStatus::*;
    match run.execution_status {
        Queued => Plan::Claim {
            max_attempts: run.max_attempts.unwrap_or(DEFAULT_MAX_ATTEMPTS),
        },
        RunCreated
        | Delayed
        | QueuedExecuting
        | PendingExecuting
        | Executing
        | ExecutingWithWaitpoints
        | Suspended
        | PendingCancel
        | Finished => Plan::Keep,
    }
}

impl Run {
    /// Refuses a caller whose snapshot is not the latest.
    pub(crate) fn check_snapshot(&self, given: &SnapshotId) -> Result<(), Refusal> {
        if *given == self.snapshot_id {
            return Ok(());
        }
        Err(Refusal::StaleSnapshot {
            run_id: self.id.clone(),
            given: given.clone(),
            latest: self.snapshot_id.clone(),
            status: self.execution_status,
        })
    }

    /// The end of this run by `error`.
    pub(crate) fn fail(
        &self,
        error: &RunError,
        description: &'static str,
        usage_duration_ms: i64,
    ) -> Plan {
        Plan::Finish(Finish {
            run_status: error.final_status(self.environment_type),
            attempt_status: AttemptStatus::RunFinished,
            description,
            output: None,
            output_type: None,
            error: Some(error.to_json()),
            usage_duration_ms: self.usage_after(usage_duration_ms),
        })
    }

    /// Time used so far and by one more attempt; stops at the largest integer (`spec/core.md §4.10`).
    pub(crate) fn usage_after(&self, usage_duration_ms: i64) -> i32 {
        i32::try_from(i64::from(self.usage_duration_ms).saturating_add(usage_duration_ms))
            .unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run in `status`, handed out once, in its first attempt.
    pub(crate) fn run_in(status: ExecutionStatus) -> Run {
        Run {
            id: RunId::parse("1234"),
            run_status: RunStatus::Pending,
            execution_status: status,
            snapshot_id: SnapshotId::parse("b"),
            snapshot_ordinal: 2,
            attempt_number: Some(1),
            max_attempts: Some(3),
            queue_attempts: 0,
            machine: None,
            usage_duration_ms: 0,
            was_dequeued: true,
            environment_type: EnvironmentType::Production,
        }
    }

    #[test]
    fn only_a_queued_run_is_handed_out() {
        for status in ExecutionStatus::ALL {
            let plan = decide(&run_in(*status), Command::Dequeue).unwrap();
            let expected = if *status == ExecutionStatus::Queued {
                Plan::Claim { max_attempts: 3 }
            } else {
                Plan::Keep
            };
            assert_eq!(plan, expected, "{status}");
        }
    }

    #[test]
    fn a_run_that_says_nothing_has_three_attempts() {
        let run = Run {
            max_attempts: None,
            ..run_in(ExecutionStatus::Queued)
        };
        assert_eq!(
            decide(&run, Command::Dequeue),
            Ok(Plan::Claim { max_attempts: 3 })
        );
    }

    #[test]
    fn a_stale_snapshot_is_refused_in_every_status() {
        let stale = SnapshotId::parse("a");
        let completion = Completion::success(None);
        for status in ExecutionStatus::ALL {
            let run = run_in(*status);
            let start = decide(
                &run,
                Command::Start {
                    snapshot_id: &stale,
                },
            );
            let complete = decide(
                &run,
                Command::Complete {
                    snapshot_id: &stale,
                    completion: &completion,
                },
            );
            assert_eq!(start.unwrap_err().sqlstate(), "RE002");
            assert_eq!(complete.unwrap_err().sqlstate(), "RE002");
        }
    }

    #[test]
    fn usage_stops_at_the_largest_integer() {
        let run = Run {
            usage_duration_ms: 1000,
            ..run_in(ExecutionStatus::Executing)
        };
        assert_eq!(run.usage_after(500), 1500);
        assert_eq!(run.usage_after(i64::MAX), i32::MAX);
    }
}
