//! Release: a worker gives back a run that it cannot finish.

use crate::status::only_in;
use crate::{
    Carries, ErrorCode, ExecutionStatus, Plan, Refusal, Run, RunError, RunStatus, Settings,
    SnapshotId, Timing, Transition, stall,
};

/// What a release must know besides the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The run's queue order.
    pub timing: Timing,
    /// Whether its attempt has ended and its worker was to start the next one: then the release interrupts none.
    pub is_between_attempts: bool,
}

/// Requeues `run` at once, in its old order. An interrupted attempt does not count, since neither worker nor handler failed.
/// The requeue counts instead, as if the worker had been lost.
///
/// # Errors
/// [`Refusal::StaleSnapshot`] (`RE002`), [`Refusal::WrongStatus`] (`RE004`).
pub(crate) fn release(
    run: &Run,
    snapshot_id: &SnapshotId,
    release: &Release,
    settings: &Settings,
) -> Result<Plan, Refusal> {
    use ExecutionStatus::*;
    run.check_snapshot(snapshot_id)?;
    // A run without a started attempt keeps what its snapshot carried, as if no worker had started it in time.
    let (carries, released) = only_in!(run.execution_status, {
        PendingExecuting => (Carries::WAIT, 0),
        Executing => (Carries::default(), i32::from(!release.is_between_attempts)),
    } else return Err(run.wrong_status("released")));
    let mut moved = run.moved(
        Transition::Requeued,
        Queued,
        RunStatus::Pending,
        "Requeued: its worker released it",
    );
    // An order in the future was meant for later; a worker has had the run already.
    moved.available_at = Some(release.timing.available_at().min(settings.now));
    moved.carries = carries;
    moved.released_attempts = run.released_attempts + released;
    let error = RunError::internal(
        ErrorCode::DequeuedMaxRetries,
        "its workers released the run too often",
    );
    Ok(stall::requeue(run, moved, &error, settings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::tests::{decided, end, run_in, settings};
    use crate::{AskedRetry, Command, Move, Timestamp};

    const PLACE: Timestamp = Timestamp::from_micros(-7_000_000);

    fn released(run: &Run, is_between_attempts: bool) -> Result<Plan, Refusal> {
        let timing = Timing {
            delay_until: None,
            queue_timestamp: PLACE.plus_ms(2),
            priority_ms: 2,
            ttl: None,
            is_sized: false,
        };
        let release = Release {
            timing,
            is_between_attempts,
        };
        let snapshot_id = &run.snapshot_id;
        let release = &release;
        decided(
            run,
            Command::Release {
                snapshot_id,
                release,
            },
        )
    }

    fn moved(run: &Run, is_between_attempts: bool) -> Move {
        match released(run, is_between_attempts) {
            Ok(Plan::Move(moved)) => *moved,
            other => panic!("not released: {other:?}"),
        }
    }

    #[test]
    fn a_run_that_a_worker_holds_is_queued_in_its_old_order_and_no_other_is() {
        use ExecutionStatus::*;
        for status in ExecutionStatus::ALL {
            let answer = released(&run_in(*status), false);
            match (status, answer) {
                (PendingExecuting | Executing, Ok(Plan::Move(moved))) => {
                    assert_eq!(moved.execution_status, Queued);
                    assert_eq!(moved.available_at, Some(PLACE));
                    assert_eq!(moved.queue_attempts, 1);
                }
                (_, answer) => assert_eq!(answer.unwrap_err().sqlstate(), "RE004", "{status}"),
            }
        }
    }

    #[test]
    fn an_attempt_that_is_cut_short_does_not_count() {
        let run = run_in(ExecutionStatus::Executing);
        assert_eq!(moved(&run, false).released_attempts, 1);
        assert_eq!(moved(&run, true).released_attempts, 0);
        let waiting = run_in(ExecutionStatus::PendingExecuting);
        assert_eq!(moved(&waiting, false).released_attempts, 0);
        assert!(moved(&waiting, false).carries.checkpoint);
        let third = Run {
            attempt_number: Some(4),
            released_attempts: 2,
            ..run
        };
        let error = RunError::text("no");
        let asked = AskedRetry::At {
            at: None,
            delay_ms: Some(0),
        };
        let decide = |run: &Run| crate::retry::decide(run, &error, asked, false, &settings());
        assert_ne!(decide(&third), crate::retry::Decision::Fail);
        let last = Run {
            released_attempts: 1,
            ..third
        };
        assert_eq!(decide(&last), crate::retry::Decision::Fail);
    }

    #[test]
    fn a_run_that_is_released_again_and_again_is_given_up() {
        let run = Run {
            queue_attempts: settings().queue_max_attempts - 1,
            ..run_in(ExecutionStatus::Executing)
        };
        let finish = end(released(&run, false).unwrap());
        assert!(finish.is_dead_lettered);
        assert_eq!(finish.run_status, RunStatus::SystemFailure);
    }
}
