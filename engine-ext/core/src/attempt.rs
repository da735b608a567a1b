//! Attempts: when one may start, and what its end does to the run.

use crate::cancel;
use crate::retry::{self, Decision, Retry};
use crate::status::only_in;
use crate::{
    AttemptStatus, Completion, ErrorCode, ExecutionStatus, Finish, Outcome, Plan, Refusal, Run,
    RunError, RunStatus, Settings, SnapshotId, Transition, plan,
};

/// Attempts of a run that sets no limit: the default of a task's retry settings.
pub const DEFAULT_MAX_ATTEMPTS: i32 = 3;

/// No run starts more attempts than this, whatever limit it sets.
pub const MAX_ATTEMPTS: i32 = 250;

/// Text of the snapshot of a run that ends instead of its next start.
pub(crate) const USED_UP: &str = "Failed: it has started all attempts that a run may have";

/// Starts the next attempt of `run`, if the caller holds its latest snapshot and a worker has dequeued it.
///
/// A queued run cannot start: it would run without a slot while its queue item could still be claimed. A run that has used
/// up all attempts ends, and the result says so; an error would roll the end back. So does one that was cancelled since its
/// dequeue, when it had the snapshot `dequeued_as`: its worker has nothing to stop.
pub(crate) fn start(
    run: &Run,
    snapshot_id: &SnapshotId,
    dequeued_as: Option<&SnapshotId>,
    settings: &Settings,
) -> Result<Plan, Refusal> {
    use ExecutionStatus::*;
    if run.execution_status == PendingCancel && dequeued_as == Some(snapshot_id) {
        return Ok(cancel::never_started(run, settings));
    }
    run.check_snapshot(snapshot_id)?;
    only_in!(run.execution_status, {
        Finished => return Err(run.finished()),
        PendingExecuting | Executing => ()
    } else return Err(run.wrong_status("started")));
    if !run.was_dequeued {
        return Err(run.wrong_status("started"));
    }
    let attempt_number = run.attempt_number.unwrap_or(0) + 1;
    if attempt_number > MAX_ATTEMPTS {
        let error = RunError::internal(ErrorCode::Crashed, "the run has started 250 attempts");
        return Ok(Plan::finish(run.failed(&error, USED_UP, 0, settings)));
    }
    Ok(Plan::Start { attempt_number })
}

/// The number of the attempt that may start together with the dequeue of `run`: its first one. Nothing is carried over to it,
/// neither a checkpoint nor waitpoints, because only attempts leave any behind.
#[must_use]
pub fn first_attempt(run: &Run) -> Option<i32> {
    run.attempt_number.is_none().then_some(1)
}

/// Applies `completion` to `run`.
///
/// Only a run held by a worker can be completed: completing a queued run would leave its queue item behind. For a run whose
/// worker still has to confirm a cancel, a success counts, since the work is done; a failure confirms the cancel and is
/// never retried.
pub(crate) fn complete(
    run: &Run,
    snapshot_id: &SnapshotId,
    completion: &Completion,
    settings: &Settings,
) -> Result<Plan, Refusal> {
    use ExecutionStatus::*;
    run.check_snapshot(snapshot_id)?;
    only_in!(run.execution_status, {
        Finished => return Err(run.finished()),
        PendingExecuting | Executing | ExecutingWithWaitpoints | PendingCancel => ()
    } else return Err(run.wrong_status("completed")));
    let duration_ms = completion.usage_duration_ms;
    Ok(match &completion.outcome {
        Outcome::Success {
            output,
            output_type,
        } => Plan::finish(Finish {
            output: output.clone(),
            output_type: Some(output_type.clone()),
            ..run.ended(
                Transition::Succeeded,
                RunStatus::CompletedSuccessfully,
                "Succeeded",
                duration_ms,
                settings,
            )
        }),
        Outcome::Failure { error, .. } if run.execution_status == PendingCancel => {
            cancel::confirm(run, error.message(), duration_ms, settings)
        }
        Outcome::Failure { error, retry } => {
            match retry::decide(run, error, *retry, false, settings) {
                Decision::Cancel => cancel::confirm(run, error.message(), duration_ms, settings),
                Decision::Fail => Plan::finish(run.failed(error, "Failed", duration_ms, settings)),
                Decision::Retry(retry) => again(run, error, retry, duration_ms, settings),
            }
        }
    })
}

/// The run after a failed attempt that is retried. A worker that reports a failure is alive, so the queue's count of lost
/// workers restarts.
fn again(run: &Run, error: &RunError, retry: Retry, duration_ms: i64, settings: &Settings) -> Plan {
    let next_machine = retry.machine.map(crate::Machine::as_str);
    let (usage_duration_ms, cost_in_cents) = run.usage_after(duration_ms, &settings.machines);
    let mut moved = if retry.is_queued {
        // An attempt that ran out of memory is reported as failed, in addition to its retry.
        let transition = match retry.machine {
            Some(_) => Transition::AttemptFailed,
            None => Transition::RetriedByQueue,
        };
        let mut moved = run.moved(
            transition,
            ExecutionStatus::Queued,
            RunStatus::Pending,
            "Retried through the queue",
        );
        moved.available_at = Some(retry.at);
        moved.attempt_status = Some(AttemptStatus::RetryQueued);
        moved
    } else {
        let mut moved = run.moved(
            Transition::Retried,
            ExecutionStatus::Executing,
            RunStatus::Executing,
            "Retried at once",
        );
        moved.is_callers = true;
        moved.attempt_status = Some(AttemptStatus::RetryImmediately);
        moved
    };
    moved.retry_at = Some(retry.at);
    moved.queue_attempts = 0;
    moved.machine = next_machine
        .map(str::to_owned)
        .or_else(|| run.machine.clone());
    moved.usage_duration_ms = usage_duration_ms;
    moved.cost_in_cents = cost_in_cents;
    moved.detail = Some(plan::retry_detail(error, retry.at, next_machine));
    Plan::to(moved)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Command;
    use crate::transition::tests::{decided, end, run_in};

    fn start_of(run: &Run) -> Result<Plan, Refusal> {
        let snapshot_id = &run.snapshot_id;
        decided(
            run,
            Command::Start {
                snapshot_id,
                dequeued_as: None,
            },
        )
    }

    fn complete_with(run: &Run, completion: &Completion) -> Result<Plan, Refusal> {
        let snapshot_id = &run.snapshot_id;
        decided(
            run,
            Command::Complete {
                snapshot_id,
                completion,
            },
        )
    }

    fn failure(retry: bool) -> Completion {
        let mut value = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}});
        if retry {
            value["retry"] = json!({"delay": 0});
        }
        Completion::parse(&value).unwrap()
    }

    #[test]
    fn a_run_starts_where_a_worker_holds_it_and_nowhere_else() {
        use ExecutionStatus::*;
        for status in ExecutionStatus::ALL {
            let answer = start_of(&run_in(*status));
            match status {
                PendingExecuting | Executing => {
                    assert_eq!(answer, Ok(Plan::Start { attempt_number: 2 }))
                }
                Finished => assert_eq!(answer.unwrap_err().sqlstate(), "RE003"),
                _ => assert_eq!(answer.unwrap_err().sqlstate(), "RE004", "{status}"),
            }
        }
    }

    #[test]
    fn a_run_that_is_cancelled_between_its_dequeue_and_its_start_ends_at_the_start() {
        let dequeued_as = &SnapshotId::parse("a");
        for status in ExecutionStatus::ALL {
            let run = Run {
                error: Some(json!({"type": "STRING_ERROR", "raw": "why"})),
                ..run_in(*status)
            };
            let answer = decided(
                &run,
                Command::Start {
                    snapshot_id: dequeued_as,
                    dequeued_as: Some(dequeued_as),
                },
            );
            if *status == ExecutionStatus::PendingCancel {
                let finish = end(answer.unwrap());
                assert_eq!(finish.run_status, RunStatus::Canceled);
                assert_eq!(finish.error.unwrap()["raw"], "why");
            } else {
                assert_eq!(answer.unwrap_err().sqlstate(), "RE002", "{status}");
            }
        }
    }

    #[test]
    fn the_first_attempt_is_number_one() {
        let run = Run {
            attempt_number: None,
            ..run_in(ExecutionStatus::PendingExecuting)
        };
        assert_eq!(start_of(&run), Ok(Plan::Start { attempt_number: 1 }));
    }

    #[test]
    fn no_run_starts_attempt_251() {
        let run = Run {
            attempt_number: Some(249),
            ..run_in(ExecutionStatus::PendingExecuting)
        };
        let attempt_number = 250;
        assert_eq!(start_of(&run), Ok(Plan::Start { attempt_number }));
        let run = Run {
            attempt_number: Some(250),
            ..run
        };
        assert_eq!(end(start_of(&run).unwrap()).run_status, RunStatus::Crashed);
    }

    #[test]
    fn a_run_ends_where_a_worker_holds_it_and_nowhere_else() {
        use ExecutionStatus::*;
        for status in ExecutionStatus::ALL {
            let answer = complete_with(&run_in(*status), &Completion::success(None).unwrap());
            match status {
                PendingExecuting | Executing | ExecutingWithWaitpoints | PendingCancel => {
                    let finish = end(answer.unwrap());
                    assert_eq!(finish.run_status, RunStatus::CompletedSuccessfully);
                }
                Finished => assert_eq!(answer.unwrap_err().sqlstate(), "RE003"),
                _ => assert_eq!(answer.unwrap_err().sqlstate(), "RE004", "{status}"),
            }
        }
    }

    #[test]
    fn a_retry_at_once_keeps_the_attempt_number_and_what_the_queue_counted_is_forgotten() {
        let run = Run {
            queue_attempts: 5,
            ..run_in(ExecutionStatus::ExecutingWithWaitpoints)
        };
        let Ok(Plan::Move(moved)) = complete_with(&run, &failure(true)) else {
            panic!("not retried")
        };
        assert_eq!(moved.execution_status, ExecutionStatus::Executing);
        assert_eq!(moved.attempt_status, Some(AttemptStatus::RetryImmediately));
        assert_eq!((moved.queue_attempts, moved.available_at), (0, None));
        assert_eq!(moved.carries, crate::Carries::default());
    }

    #[test]
    fn a_failure_without_a_retry_ends_a_run_without_a_policy() {
        let run = run_in(ExecutionStatus::Executing);
        let finish = end(complete_with(&run, &failure(false)).unwrap());
        assert_eq!(finish.run_status, RunStatus::CompletedWithErrors);
    }

    #[test]
    fn a_failure_of_a_cancelled_run_confirms_the_cancel_and_keeps_its_reason() {
        let reason = json!({"type": "STRING_ERROR", "raw": "my reason"});
        let run = Run {
            error: Some(reason.clone()),
            ..run_in(ExecutionStatus::PendingCancel)
        };
        let finish = end(complete_with(&run, &failure(true)).unwrap());
        assert_eq!(
            (finish.run_status, finish.error),
            (RunStatus::Canceled, Some(reason))
        );
    }
}
