//! Entering and leaving the queue.

use crate::status::only_in;
use crate::{
    Carries, ErrorCode, ExecutionStatus, Plan, Refusal, Run, RunError, RunStatus, Settings,
    Transition,
};

/// A worker dequeues a run that has a queue item.
pub(crate) fn dequeue(run: &Run) -> Plan {
    use ExecutionStatus::*;
    only_in!(run.execution_status, {
        Queued => Plan::Dequeue {
            max_attempts: run.attempts(),
        },
        QueuedExecuting => {
            let mut moved = run.moved(
                Transition::ContinuedInQueue,
                Executing,
                run.run_status,
                "Continued: it has its slot again",
            );
            moved.carries = Carries {
                checkpoint: false,
                ..Carries::WAIT
            };
            Plan::to(moved)
        }
    } else Plan::Keep)
}

/// Handles a run that has a queue item without being queued. Only a damaged table leads here: the item is always removed;
/// for a run that was just dequeued it is a mere duplicate, and any other run ends.
pub(crate) fn stray(run: &Run, settings: &Settings) -> Plan {
    use ExecutionStatus::*;
    let error = format!(
        "dequeued although its execution status is {}",
        run.execution_status
    );
    match run.execution_status {
        Queued | QueuedExecuting | PendingExecuting => Plan::Keep,
        Finished => Plan::Refuse {
            error,
            finish: None,
        },
        RunCreated | Delayed | Executing | ExecutingWithWaitpoints | Suspended | PendingCancel => {
            let reason = RunError::internal(ErrorCode::DequeuedInvalidState, &error);
            let finish = run.failed(
                &reason,
                "Failed: it had a queue item although it was not queued",
                0,
                settings,
            );
            Plan::Refuse {
                error,
                finish: Some(Box::new(finish)),
            }
        }
    }
}

/// Requeues a run that ended without its handler's decision: the queue gave it up, its worker was lost too often, or it took
/// or waited too long. It keeps its identity and gets all queue attempts again. A cancelled run is refused: a caller asked
/// for that end.
///
/// # Errors
/// [`Refusal::NotRedrivable`] (`RE004`) for every other run.
pub(crate) fn redrive(run: &Run, settings: &Settings) -> Result<Plan, Refusal> {
    use RunStatus::*;
    let is_redrivable = match run.run_status {
        Interrupted | SystemFailure | Crashed | Expired | TimedOut => true,
        Canceled
        | CompletedSuccessfully
        | CompletedWithErrors
        | Delayed
        | Pending
        | PendingVersion
        | WaitingForDeploy
        | Dequeued
        | Executing
        | WaitingToResume
        | RetryingAfterFailure
        | Paused => false,
    };
    if run.execution_status != ExecutionStatus::Finished || !is_redrivable {
        return Err(Refusal::NotRedrivable {
            run_id: run.id.clone(),
            status: run.run_status,
        });
    }
    let mut moved = run.moved(
        Transition::Redriven,
        ExecutionStatus::Queued,
        RunStatus::Pending,
        "Redriven",
    );
    moved.available_at = Some(settings.now);
    moved.queue_attempts = 0;
    moved.error = None;
    Ok(Plan::to(moved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::transition::tests::{decided, run_in};

    #[test]
    fn only_a_queued_run_is_handed_out() {
        for status in ExecutionStatus::ALL {
            let plan = decided(&run_in(*status), Command::Dequeue).unwrap();
            match status {
                ExecutionStatus::Queued => assert_eq!(plan, Plan::Dequeue { max_attempts: 3 }),
                ExecutionStatus::QueuedExecuting => assert!(matches!(plan, Plan::Move(_))),
                _ => assert_eq!(plan, Plan::Keep, "{status}"),
            }
        }
    }

    #[test]
    fn a_run_that_says_nothing_has_three_attempts() {
        let run = Run {
            max_attempts: None,
            ..run_in(ExecutionStatus::Queued)
        };
        assert_eq!(
            decided(&run, Command::Dequeue),
            Ok(Plan::Dequeue { max_attempts: 3 })
        );
    }

    #[test]
    fn attempts_are_those_of_the_run_or_of_its_settings() {
        let settings = Some(serde_json::json!({"maxAttempts": 5}));
        for (own, retry, expected) in [
            (Some(2), settings.clone(), 2),
            (None, settings, 5),
            (None, Some(serde_json::json!({"factor": 2})), 3),
            (None, Some(serde_json::json!({"maxAttempts": 0})), 1),
        ] {
            let run = Run {
                max_attempts: own,
                retry,
                ..run_in(ExecutionStatus::Queued)
            };
            assert_eq!(run.attempts(), expected);
        }
    }

    #[test]
    fn a_stray_item_ends_its_run_unless_that_is_over_or_just_dequeued() {
        use ExecutionStatus::*;
        for status in ExecutionStatus::ALL {
            match (status, decided(&run_in(*status), Command::Stray).unwrap()) {
                (Queued | QueuedExecuting | PendingExecuting, plan) => {
                    assert_eq!(plan, Plan::Keep, "{status}")
                }
                (Finished, Plan::Refuse { finish, .. }) => assert_eq!(finish, None),
                (_, Plan::Refuse { finish, .. }) => {
                    assert_eq!(
                        finish.map(|finish| finish.run_status),
                        Some(RunStatus::SystemFailure),
                        "{status}"
                    );
                }
                (_, plan) => panic!("{status}: {plan:?}"),
            }
        }
    }

    #[test]
    fn only_what_neither_its_handler_nor_a_cancel_ended_is_redriven() {
        use RunStatus::*;
        for run_status in RunStatus::ALL {
            let over = Run {
                run_status: *run_status,
                queue_attempts: 12,
                ..run_in(ExecutionStatus::Finished)
            };
            let is_redrivable = matches!(
                run_status,
                Interrupted | SystemFailure | Crashed | Expired | TimedOut
            );
            match decided(&over, Command::Redrive) {
                Ok(Plan::Move(moved)) if is_redrivable => assert_eq!(
                    (moved.execution_status, moved.queue_attempts),
                    (ExecutionStatus::Queued, 0)
                ),
                answer => {
                    assert!(!is_redrivable, "{run_status}");
                    assert_eq!(answer.unwrap_err().sqlstate(), "RE004", "{run_status}");
                }
            }
        }
        for status in ExecutionStatus::ALL {
            let refused = decided(&run_in(*status), Command::Redrive);
            assert_eq!(refused.unwrap_err().sqlstate(), "RE004", "{status}");
        }
    }
}
