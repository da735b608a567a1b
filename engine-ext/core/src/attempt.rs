//! Attempts: when one may start, and what its end makes of the run (`spec/core.md §4.1–4.5`).

use crate::{
    AttemptStatus, Completion, ExecutionStatus, Finish, Plan, Refusal, Run, RunError, RunStatus,
    SnapshotId,
};

/// Attempts of a run that says nothing: the default of a task's retry settings (`spec/core.md §4.5`).
pub const DEFAULT_MAX_ATTEMPTS: i32 = 3;

/// No run starts more attempts than this, whatever it says.
pub const MAX_ATTEMPTS: i32 = 250;

/// The next attempt of `run`, if the caller holds its latest snapshot and somebody has dequeued it.
///
/// The reference also lets a queued run start. Ours does not: it would run without a slot while its queue item could
/// still be claimed.
pub(crate) fn start(run: &Run, snapshot_id: &SnapshotId) -> Result<Plan, Refusal> {
    use ExecutionStatus::*;
    run.check_snapshot(snapshot_id)?;
    match run.execution_status {
        Finished => return Err(finished(run)),
        PendingExecuting | Executing => {}
        RunCreated
        | Delayed
        | Queued
        | QueuedExecuting
        | ExecutingWithWaitpoints
        | Suspended
        | PendingCancel => {
            return Err(wrong_status(run, "started"));
        }
    }
    if !run.was_dequeued {
        return Err(wrong_status(run, "started"));
    }
    let attempt_number = run.attempt_number.unwrap_or(0) + 1;
    if attempt_number > MAX_ATTEMPTS {
        return Err(Refusal::WrongStatus {
            run_id: run.id.clone(),
            asked: "started",
            reason: format!(
                "It has started {MAX_ATTEMPTS} attempts, which is the most that a run may have."
            ),
        });
    }
    Ok(Plan::Start { attempt_number })
}

/// What `completion` makes of `run`.
///
/// The reference accepts a completion in every status but FINISHED. Ours asks for a run that a worker holds: completing
/// a queued run would leave its queue item behind.
pub(crate) fn complete(
    run: &Run,
    snapshot_id: &SnapshotId,
    completion: &Completion,
) -> Result<Plan, Refusal> {
    use ExecutionStatus::*;
    run.check_snapshot(snapshot_id)?;
    match run.execution_status {
        Finished => return Err(finished(run)),
        PendingExecuting | Executing | ExecutingWithWaitpoints => {}
        RunCreated | Delayed | Queued | QueuedExecuting | Suspended | PendingCancel => {
            return Err(wrong_status(run, "completed"));
        }
    }
    match completion {
        Completion::Success {
            output,
            output_type,
            usage_duration_ms,
        } => Ok(Plan::Finish(Finish {
            run_status: RunStatus::CompletedSuccessfully,
            attempt_status: AttemptStatus::RunFinished,
            description: "Succeeded",
            output: output.clone(),
            output_type: Some(output_type.clone()),
            error: None,
            usage_duration_ms: run.usage_after(*usage_duration_ms),
        })),
        Completion::Failure {
            error,
            wants_retry,
            usage_duration_ms,
        } => {
            if *wants_retry && error.is_retriable() && attempts_left(run) {
                return Err(Refusal::RetryUnsupported {
                    run_id: run.id.clone(),
                });
            }
            Ok(run.fail(error, failure_description(error), *usage_duration_ms))
        }
    }
}

/// Whether another attempt may follow the present one.
pub(crate) fn attempts_left(run: &Run) -> bool {
    let attempt = run.attempt_number.unwrap_or(0);
    attempt < run.max_attempts.unwrap_or(DEFAULT_MAX_ATTEMPTS) && attempt <= MAX_ATTEMPTS
}

fn failure_description(error: &RunError) -> &'static str {
    if error.internal_code() == Some("TASK_RUN_CANCELLED") {
        "Cancelled by its worker"
    } else {
        "Failed"
    }
}

fn finished(run: &Run) -> Refusal {
    Refusal::RunFinished {
        run_id: run.id.clone(),
        status: run.run_status,
    }
}

fn wrong_status(run: &Run, asked: &'static str) -> Refusal {
    Refusal::WrongStatus {
        run_id: run.id.clone(),
        asked,
        reason: format!("Its execution status is {}.", run.execution_status),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transition::tests::run_in;
    use crate::{Command, decide};

    fn start_of(run: &Run) -> Result<Plan, Refusal> {
        decide(
            run,
            Command::Start {
                snapshot_id: &run.snapshot_id,
            },
        )
    }

    fn complete_with(run: &Run, completion: &Completion) -> Result<Plan, Refusal> {
        decide(
            run,
            Command::Complete {
                snapshot_id: &run.snapshot_id,
                completion,
            },
        )
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
        assert_eq!(
            start_of(&run),
            Ok(Plan::Start {
                attempt_number: 250
            })
        );
        let run = Run {
            attempt_number: Some(250),
            ..run
        };
        assert_eq!(start_of(&run).unwrap_err().sqlstate(), "RE004");
    }

    #[test]
    fn a_run_ends_where_a_worker_holds_it_and_nowhere_else() {
        use ExecutionStatus::*;
        for status in ExecutionStatus::ALL {
            let answer = complete_with(&run_in(*status), &Completion::success(None));
            match status {
                PendingExecuting | Executing | ExecutingWithWaitpoints => {
                    assert!(matches!(answer, Ok(Plan::Finish(_))), "{status}");
                }
                Finished => assert_eq!(answer.unwrap_err().sqlstate(), "RE003"),
                _ => assert_eq!(answer.unwrap_err().sqlstate(), "RE004", "{status}"),
            }
        }
    }

    #[test]
    fn a_retry_is_refused_only_where_it_would_have_happened() {
        let completion = |code: &str, retry: bool| {
            let mut value = json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": code}});
            if retry {
                value["retry"] = json!({"timestamp": 0, "delay": 0});
            }
            Completion::parse(&value).unwrap()
        };
        let run = run_in(ExecutionStatus::Executing);
        let refused = complete_with(&run, &completion("TASK_PROCESS_SIGTERM", true));
        assert_eq!(refused.unwrap_err().sqlstate(), "0A000");
        assert!(complete_with(&run, &completion("TASK_PROCESS_SIGTERM", false)).is_ok());
        assert!(complete_with(&run, &completion("DISK_SPACE_EXCEEDED", true)).is_ok());
        let last = Run {
            attempt_number: Some(3),
            ..run
        };
        assert!(complete_with(&last, &completion("TASK_PROCESS_SIGTERM", true)).is_ok());
    }
}
