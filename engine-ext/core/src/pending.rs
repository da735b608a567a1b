//! Runs that wait for a version that knows their task.

use crate::stall;
use crate::status::only_in;
use crate::{
    Carries, ErrorCode, ExecutionStatus, ParkReason, Plan, Run, RunError, RunStatus, Settings,
    Timing, Transition,
};

/// Parks a queued run until a version knows its task.
pub(crate) fn park(run: &Run, reason: ParkReason) -> Plan {
    use ExecutionStatus::*;
    only_in!(run.execution_status, { Queued => () } else return Plan::Keep);
    let mut moved = run.moved(
        Transition::Parked,
        RunCreated,
        RunStatus::PendingVersion,
        "Parked: it waits for a version",
    );
    moved.status_reason = Some(reason.as_str().to_owned());
    Plan::to(moved)
}

/// Queues a parked run in its old order once a version is there, or delays it if its due time was moved meanwhile. Its time
/// to live begins, if no worker has had it so far.
pub(crate) fn promote(run: &Run, timing: &Timing, settings: &Settings) -> Plan {
    use ExecutionStatus::*;
    only_in!(run.execution_status, { RunCreated => () } else return Plan::Keep);
    let is_early = timing.delay_until.is_some_and(|at| at > settings.now);
    let (status, run_status) = if is_early {
        (Delayed, RunStatus::Delayed)
    } else {
        (Queued, RunStatus::Pending)
    };
    let mut moved = run.moved(
        Transition::Promoted,
        status,
        run_status,
        "Promoted: a version knows its task",
    );
    moved.status_reason = None;
    if is_early {
        Plan::to(moved)
    } else {
        timing.enqueue(run, moved, settings.now)
    }
}

/// Requeues a run after a worker of another version asked for it. This counts as a loss: a run that only the wrong workers
/// ask for ends as a dead letter.
pub(crate) fn mismatch(run: &Run, settings: &Settings) -> Plan {
    use ExecutionStatus::*;
    only_in!(run.execution_status, { Queued => () } else return Plan::Keep);
    let error = RunError::internal(
        ErrorCode::DequeuedMaxRetries,
        "only workers of other versions asked for the run",
    );
    let attempts = run.queue_attempts + 1;
    let delay_ms = settings.queue_backoff.delay_ms(attempts, settings.jitter);
    let mut moved = run.moved(
        Transition::Requeued,
        Queued,
        RunStatus::Pending,
        "Requeued: the worker that asked is of another version",
    );
    moved.available_at = Some(settings.now.plus_ms(delay_ms));
    moved.carries = Carries::WAIT;
    stall::requeue(run, moved, &error, settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::tests::{decided, end, run_in, settings};
    use crate::{Command, Move, Timestamp};

    fn timing(delay_until: Option<Timestamp>) -> Timing {
        Timing {
            delay_until,
            queue_timestamp: Timestamp::from_micros(-9_000),
            priority_ms: 1,
            ttl: Some("10m".to_owned()),
            is_sized: false,
        }
    }

    fn moved(plan: Plan) -> Move {
        match plan {
            Plan::Move(moved) => *moved,
            other => panic!("not moved: {other:?}"),
        }
    }

    #[test]
    fn a_queued_run_is_parked_with_its_reason_and_no_other() {
        for status in ExecutionStatus::ALL {
            let plan = decided(&run_in(*status), Command::Park(ParkReason::NoWorker)).unwrap();
            match status {
                ExecutionStatus::Queued => {
                    let moved = moved(plan);
                    assert_eq!(moved.status_reason.as_deref(), Some("NO_WORKER"));
                    assert_eq!(moved.available_at, None);
                }
                _ => assert_eq!(plan, Plan::Keep, "{status}"),
            }
        }
    }

    #[test]
    fn a_parked_run_is_promoted_to_its_old_order_and_its_time_to_live_begins() {
        for status in ExecutionStatus::ALL {
            let timing = timing(None);
            let new = Run {
                was_dequeued: false,
                ..run_in(*status)
            };
            let plan = decided(&new, Command::Promote(&timing)).unwrap();
            match status {
                ExecutionStatus::RunCreated => {
                    let moved = moved(plan);
                    assert_eq!(moved.available_at, Some(Timestamp::from_micros(-10_000)));
                    assert_eq!(moved.expires_at, Some(settings().now.plus_ms(600_000)));
                    assert_eq!(moved.status_reason, None);
                }
                _ => assert_eq!(plan, Plan::Keep, "{status}"),
            }
        }
    }

    #[test]
    fn a_run_that_a_worker_has_had_has_no_time_to_live_any_more() {
        let parked = run_in(ExecutionStatus::RunCreated);
        assert!(parked.was_dequeued);
        let promoted = moved(decided(&parked, Command::Promote(&timing(None))).unwrap());
        assert_eq!(promoted.execution_status, ExecutionStatus::Queued);
        assert_eq!(promoted.expires_at, None);
    }

    #[test]
    fn a_parked_run_whose_time_was_moved_waits_for_it() {
        let timing = timing(Some(Timestamp::from_micros(5)));
        let run = run_in(ExecutionStatus::RunCreated);
        let moved = moved(decided(&run, Command::Promote(&timing)).unwrap());
        assert_eq!(moved.execution_status, ExecutionStatus::Delayed);
        assert_eq!((moved.available_at, moved.expires_at), (None, None));
    }

    #[test]
    fn a_run_that_only_the_wrong_workers_ask_for_ends_as_a_dead_letter() {
        let run = run_in(ExecutionStatus::Queued);
        let back = moved(decided(&run, Command::Mismatch).unwrap());
        assert_eq!(
            (back.execution_status, back.queue_attempts),
            (ExecutionStatus::Queued, 1)
        );
        let last = Run {
            queue_attempts: 11,
            ..run
        };
        assert!(end(decided(&last, Command::Mismatch).unwrap()).is_dead_lettered);
        for status in ExecutionStatus::ALL
            .iter()
            .filter(|status| **status != ExecutionStatus::Queued)
        {
            let kept = decided(&run_in(*status), Command::Mismatch);
            assert_eq!(kept, Ok(Plan::Keep), "{status}");
        }
    }
}
