//! The state machine: the effect of a command on a run.
//!
//! [`decide`] is total: every pair of execution status and command is either a plan or a refusal, and no match over statuses
//! has a catch-all arm, so that a new status does not compile until every command handles it.

use crate::cancel::{self, Cancel};
use crate::{
    Backoff, BatchId, Completion, Heartbeats, Held, Machines, ParkReason, Plan, Refusal, Release,
    Run, SnapshotId, Timestamp, Timing, Transfer, attempt, checkpoint, delay, pending, queue,
    release, stall, transfer, ttl, wait,
};

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
        /// The snapshot of its dequeue, if a cancel directly followed.
        dequeued_as: Option<&'a SnapshotId>,
    },
    /// A worker reports the end of its attempt.
    Complete {
        /// The snapshot that the caller holds.
        snapshot_id: &'a SnapshotId,
        /// The end of the attempt.
        completion: &'a Completion,
    },
    /// Its heartbeat deadline has passed.
    Stall {
        /// Its order in its queue, if its attempt runs.
        order: Option<Timestamp>,
    },
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
    /// It is to wait in another queue, or at another place.
    Transfer(&'a Transfer),
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
        /// The caller's hold of the run, if it is told.
        held: Option<Held<'a>>,
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
        Command::Start {
            snapshot_id,
            dequeued_as,
        } => attempt::start(run, snapshot_id, dequeued_as, settings),
        Command::Complete {
            snapshot_id,
            completion,
        } => attempt::complete(run, snapshot_id, completion, settings),
        Command::Stall { order } => Ok(stall::stall(run, order, settings)),
        Command::Cancel(cancel) => Ok(cancel::cancel(run, cancel, settings)),
        Command::Redrive => queue::redrive(run, settings),
        Command::EndDelay(timing) => Ok(delay::end(run, timing, settings)),
        Command::Reschedule { delay_until } => delay::reschedule(run, delay_until),
        Command::Transfer(to) => transfer::transfer(run, to),
        Command::Park(reason) => Ok(pending::park(run, reason)),
        Command::Promote(timing) => Ok(pending::promote(run, timing, settings)),
        Command::Mismatch => Ok(pending::mismatch(run, settings)),
        Command::Expire { ttl } => Ok(ttl::expire(run, ttl, settings)),
        Command::Block { batch_id, held } => wait::block(run, batch_id, held),
        Command::Release {
            snapshot_id,
            release,
        } => release::release(run, snapshot_id, release, settings),
        Command::Continue { snapshot_id } => checkpoint::resume(run, snapshot_id),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{EnvironmentType, ExecutionStatus, Finish, Machine, RunId, RunStatus};

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
                dequeued_as: None,
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
}
