//! The state machine: the effect of a command on a run.
//!
//! [`decide`] is total: every pair of execution status and command is either a plan or a refusal, and no match over statuses
//! has a catch-all arm, so that a new status does not compile until every command handles it.

use serde_json::Value;

use crate::cancel::{self, Cancel};
use crate::{
    Backoff, BatchId, Completion, DEFAULT_MAX_ATTEMPTS, EnvironmentType, ExecutionStatus,
    Heartbeats, Machines, ParkReason, Plan, Refusal, Release, RetrySettings, RunId, RunStatus,
    SnapshotId, Timestamp, Timing, attempt, checkpoint, delay, pending, queue, release, stall, ttl,
    wait,
};

/// A run as read under its lock.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The run's bare id.
    pub id: RunId,
    /// Status for its owner.
    pub run_status: RunStatus,
    /// Status for the engine.
    pub execution_status: ExecutionStatus,
    /// The latest snapshot.
    pub snapshot_id: SnapshotId,
    /// Ordinal of that snapshot.
    pub snapshot_ordinal: i32,
    /// Number of the attempt that started last.
    pub attempt_number: Option<i32>,
    /// Limit on the number of attempts, if set.
    pub max_attempts: Option<i32>,
    /// How often it was requeued because its worker was lost.
    pub queue_attempts: i32,
    /// How many of its attempts do not count against the limit: its worker released it during them.
    pub released_attempts: i32,
    /// Name of its machine.
    pub machine: Option<String>,
    /// Total time of its attempts, milliseconds.
    pub usage_duration_ms: i32,
    /// Cost of that time, cents.
    pub cost_in_cents: f64,
    /// Whether a worker has ever dequeued it.
    pub was_dequeued: bool,
    /// Whether a waitpoint waits for its end.
    pub has_waitpoint: bool,
    /// Whether the queue gave it up.
    pub is_dead_lettered: bool,
    /// Retry settings, as they were passed.
    pub retry: Option<Value>,
    /// Kind of its environment.
    pub environment_type: EnvironmentType,
    /// The batch that it belongs to.
    pub batch_id: Option<String>,
    /// Its error, if it failed.
    pub error: Option<Value>,
    /// Why it is parked.
    pub status_reason: Option<String>,
}

/// A request to change a run.
#[derive(Debug, Clone, Copy)]
pub enum Command<'a> {
    /// A worker dequeues it.
    Dequeue,
    /// It has a queue item without being queued.
    Stray,
    /// A worker starts its next attempt.
    Start {
        /// The snapshot that the caller holds.
        snapshot_id: &'a SnapshotId,
    },
    /// A worker reports the end of its attempt.
    Complete {
        /// The snapshot that the caller holds.
        snapshot_id: &'a SnapshotId,
        /// The end of the attempt.
        completion: &'a Completion,
    },
    /// Its heartbeat deadline has passed.
    Stall,
    /// A caller cancels it.
    Cancel(&'a Cancel),
    /// A caller requeues it after the queue gave it up.
    Redrive,
    /// Its delay may have ended.
    EndDelay(&'a Timing),
    /// A caller moves its due time.
    Reschedule {
        /// New earliest time of the first attempt.
        delay_until: Timestamp,
    },
    /// No version executes it.
    Park(ParkReason),
    /// A version executes it.
    Promote(&'a Timing),
    /// A worker of another version asked for it.
    Mismatch,
    /// Its time to live has passed in its queue.
    Expire {
        /// Its time to live, as stored.
        ttl: &'a str,
    },
    /// It waits: edges are added.
    Block {
        /// The batch that it waits for.
        batch_id: Option<&'a BatchId>,
    },
    /// Its worker releases it.
    Release {
        /// The snapshot that the caller holds.
        snapshot_id: &'a SnapshotId,
        /// What the release must know besides the run.
        release: &'a Release,
    },
    /// A restored worker continues the frozen attempt.
    Continue {
        /// The snapshot that the caller holds.
        snapshot_id: &'a SnapshotId,
    },
}

/// The inputs of decisions besides the run and the command.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The time of the call.
    pub now: Timestamp,
    /// Jitter of delays, at least 1 and less than 2.
    pub jitter: f64,
    /// Delays of runs that no worker started in time.
    pub queue_backoff: Backoff,
    /// How often a run may be requeued because its worker was lost.
    pub queue_max_attempts: i32,
    /// Delay from which on a retry goes through the queue, milliseconds.
    pub retry_requeue_threshold_ms: i64,
    /// Whether a worker that stops beating is assumed to have run out of memory.
    pub stalls_are_out_of_memory: bool,
    /// Heartbeat deadlines.
    pub heartbeats: Heartbeats,
    /// Sizes and costs of machines.
    pub machines: Machines,
}

/// Decides the effect of `command` on `run`.
///
/// # Errors
/// - [`Refusal::StaleSnapshot`] (`RE002`) if the caller's snapshot is not the latest.
/// - [`Refusal::RunFinished`] (`RE003`) if the run has ended.
/// - [`Refusal::WrongStatus`] (`RE004`) if its status does not allow the command.
pub fn decide(run: &Run, command: Command<'_>, settings: &Settings) -> Result<Plan, Refusal> {
    match command {
        Command::Dequeue => Ok(queue::dequeue(run)),
        Command::Stray => Ok(queue::stray(run, settings)),
        Command::Start { snapshot_id } => attempt::start(run, snapshot_id, settings),
        Command::Complete {
            snapshot_id,
            completion,
        } => attempt::complete(run, snapshot_id, completion, settings),
        Command::Stall => Ok(stall::stall(run, settings)),
        Command::Cancel(cancel) => Ok(cancel::cancel(run, cancel, settings)),
        Command::Redrive => queue::redrive(run, settings),
        Command::EndDelay(timing) => Ok(delay::end(run, timing, settings)),
        Command::Reschedule { delay_until } => delay::reschedule(run, delay_until),
        Command::Park(reason) => Ok(pending::park(run, reason)),
        Command::Promote(timing) => Ok(pending::promote(run, timing, settings)),
        Command::Mismatch => Ok(pending::mismatch(run, settings)),
        Command::Expire { ttl } => Ok(ttl::expire(run, ttl, settings)),
        Command::Block { batch_id } => wait::block(run, batch_id),
        Command::Release {
            snapshot_id,
            release,
        } => release::release(run, snapshot_id, release, settings),
        Command::Continue { snapshot_id } => checkpoint::resume(run, snapshot_id),
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

    /// Whether it has ended and no worker holds it any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.execution_status == ExecutionStatus::Finished
    }

    /// Refuses a command on a run that has ended.
    pub(crate) fn finished(&self) -> Refusal {
        Refusal::RunFinished {
            run_id: self.id.clone(),
            status: self.run_status,
        }
    }

    /// Refuses a command that the run's status does not allow; `asked` is a participle.
    pub(crate) fn wrong_status(&self, asked: &'static str) -> Refusal {
        Refusal::WrongStatus {
            run_id: self.id.clone(),
            asked,
            reason: format!("Its execution status is {}.", self.execution_status),
        }
    }

    /// Limit on the number of attempts: the run's own, else that of its retry settings.
    #[must_use]
    pub fn attempts(&self) -> i32 {
        self.max_attempts.unwrap_or_else(|| {
            let own = self.retry.as_ref().and_then(RetrySettings::parse);
            own.map_or(DEFAULT_MAX_ATTEMPTS, |own| own.max_attempts.max(1))
        })
    }

    /// Total time and cost including `duration_ms` more milliseconds; time stops at the largest integer.
    pub(crate) fn usage_after(&self, duration_ms: i64, machines: &Machines) -> (i32, f64) {
        let usage = i64::from(self.usage_duration_ms).saturating_add(duration_ms);
        let cost = machines.cost(self.environment_type, self.machine.as_deref(), duration_ms);
        (
            i32::try_from(usage).unwrap_or(i32::MAX),
            self.cost_in_cents + cost,
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Finish, Machine};

    /// A run in `status`, dequeued once, in its first attempt.
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
            released_attempts: 0,
            machine: None,
            usage_duration_ms: 0,
            cost_in_cents: 0.0,
            was_dequeued: true,
            has_waitpoint: false,
            is_dead_lettered: false,
            retry: None,
            environment_type: EnvironmentType::Production,
            batch_id: None,
            error: None,
            status_reason: None,
        }
    }

    /// The default settings, without jitter.
    pub(crate) fn settings() -> Settings {
        Settings {
            now: Timestamp::from_micros(0),
            jitter: 1.0,
            queue_backoff: Backoff {
                min_ms: 1_000,
                max_ms: 3_600_000,
                factor: 2.0,
            },
            queue_max_attempts: 12,
            retry_requeue_threshold_ms: 30_000,
            stalls_are_out_of_memory: false,
            heartbeats: Heartbeats {
                pending_executing_ms: 60_000,
                executing_ms: 60_000,
                executing_with_waitpoints_ms: 60_000,
                pending_cancel_ms: 60_000,
                suspended_ms: 600_000,
            },
            machines: Machines::built_in(Machine::Small1x),
        }
    }

    pub(crate) fn decided(run: &Run, command: Command<'_>) -> Result<Plan, Refusal> {
        decide(run, command, &settings())
    }

    /// The end in a plan.
    pub(crate) fn end(plan: Plan) -> Finish {
        match plan {
            Plan::Finish(finish) => *finish,
            other => panic!("not the end: {other:?}"),
        }
    }

    #[test]
    fn a_stale_snapshot_is_refused_in_every_status() {
        let stale = SnapshotId::parse("a");
        let completion = Completion::success(None).unwrap();
        for status in ExecutionStatus::ALL {
            let run = run_in(*status);
            let start = Command::Start {
                snapshot_id: &stale,
            };
            let complete = Command::Complete {
                snapshot_id: &stale,
                completion: &completion,
            };
            for command in [start, complete] {
                assert_eq!(decided(&run, command).unwrap_err().sqlstate(), "RE002");
            }
        }
    }

    #[test]
    fn usage_stops_at_the_largest_integer() {
        let run = Run {
            usage_duration_ms: 1000,
            ..run_in(ExecutionStatus::Executing)
        };
        let machines = Machines::built_in(Machine::Small1x);
        assert_eq!(run.usage_after(500, &machines), (1500, 0.0));
        assert_eq!(run.usage_after(i64::MAX, &machines).0, i32::MAX);
    }
}
