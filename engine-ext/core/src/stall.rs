//! Missed heartbeat deadlines.

use serde_json::json;

use crate::cancel::{self, Cancel};
use crate::retry::{self, AskedRetry, Decision};
use crate::status::only_in;
use crate::{
    Carries, ErrorCode, ExecutionStatus, Finish, Machine, Move, Plan, Run, RunError, RunStatus,
    Settings, Timestamp, Transition, plan,
};

/// Requeues `run`, or ends it if no attempt is left. `order` is its order in its queue, if its attempt runs.
pub(crate) fn stall(run: &Run, order: Option<Timestamp>, settings: &Settings) -> Plan {
    use ExecutionStatus::*;
    match run.execution_status {
        PendingExecuting => not_started(run, settings),
        Executing => stalled_attempt(run, order, settings, ErrorCode::StalledExecuting),
        ExecutingWithWaitpoints => stalled_attempt(
            run,
            order,
            settings,
            ErrorCode::StalledExecutingWithWaitpoints,
        ),
        PendingCancel => {
            let confirmed = Cancel {
                finalize: true,
                ..Cancel::default()
            };
            cancel::cancel(run, &confirmed, settings)
        }
        // A suspended run waits for its waitpoints; the others have no deadline.
        Suspended | RunCreated | Delayed | Queued | QueuedExecuting | Finished => Plan::Keep,
    }
}

/// No worker started the run in time. It keeps what its snapshot carried: otherwise a resumed run would lose its checkpoint
/// and the outputs that it waited for.
fn not_started(run: &Run, settings: &Settings) -> Plan {
    let error = RunError::internal(
        ErrorCode::DequeuedMaxRetries,
        "no worker started the run in time",
    );
    let delay_ms = settings
        .queue_backoff
        .delay_ms(run.queue_attempts + 1, settings.jitter);
    let mut moved = run.moved(
        Transition::Requeued,
        ExecutionStatus::Queued,
        RunStatus::Pending,
        "Requeued: no worker started it in time",
    );
    moved.available_at = Some(settings.now.plus_ms(delay_ms));
    moved.carries = Carries::WAIT;
    requeue(run, moved, &error, settings)
}

/// The worker of a running attempt is gone: retries the attempt if the run has one left. The run has lost enough time already:
/// it is due at once, in its old order.
fn stalled_attempt(
    run: &Run,
    order: Option<Timestamp>,
    settings: &Settings,
    code: ErrorCode,
) -> Plan {
    let is_retried = run.environment_type.retries_stalls();
    let code = if is_retried && settings.stalls_are_out_of_memory {
        ErrorCode::OutOfMemory
    } else {
        code
    };
    let error = RunError::internal(code, "the worker stopped beating");
    let asked = if is_retried {
        AskedRetry::At {
            at: Some(settings.now),
            delay_ms: Some(0),
        }
    } else {
        AskedRetry::Never
    };
    match retry::decide(run, &error, asked, true, settings) {
        Decision::Retry(retry) => {
            let next_machine = retry.machine.map(Machine::as_str);
            let mut moved = run.moved(
                Transition::AttemptFailed,
                ExecutionStatus::Queued,
                RunStatus::Pending,
                "Requeued: its worker stopped beating",
            );
            moved.available_at = Some(order.map_or(retry.at, |order| order.min(retry.at)));
            moved.machine = next_machine
                .map(str::to_owned)
                .or_else(|| run.machine.clone());
            moved.detail = Some(plan::retry_detail(&error, retry.at, next_machine));
            requeue(run, moved, &error, settings)
        }
        Decision::Fail | Decision::Cancel => Plan::finish(Finish {
            transition: Transition::StalledForGood,
            ..run.failed(&error, "Failed: its worker stopped beating", 0, settings)
        }),
    }
}

/// Text of the last snapshot of a run that the queue gives up.
pub(crate) const GIVEN_UP: &str = "Failed: it was requeued too often";

/// `moved`, counted as a lost worker, or a dead letter if the queue's own attempts are used up.
pub(crate) fn requeue(run: &Run, mut moved: Move, error: &RunError, settings: &Settings) -> Plan {
    moved.queue_attempts = run.queue_attempts + 1;
    if moved.queue_attempts < settings.queue_max_attempts {
        return Plan::to(moved);
    }
    let given_up = RunError::internal(ErrorCode::DequeuedMaxRetries, error.message());
    let failed = run.failed(&given_up, GIVEN_UP, 0, settings);
    Plan::finish(Finish {
        transition: only_in!(run.execution_status, {
            ExecutionStatus::Executing | ExecutionStatus::ExecutingWithWaitpoints => {
                Transition::StalledForGood
            }
        } else Transition::Failed),
        is_dead_lettered: true,
        // A redrive removes the error from the run, and later attempts add to the usage: the events of this end keep both.
        // The reason why the attempt ended is another error.
        detail: Some(json!({
            "error": given_up.to_json(),
            "attemptError": error.to_json(),
            "usageDurationMs": failed.usage_duration_ms,
            "costInCents": failed.cost_in_cents,
        })),
        ..failed
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::tests::{decided, end, run_in};
    use crate::{Command, EnvironmentType};

    const ORDER: Timestamp = Timestamp::from_micros(-7_000_000);

    fn stalled(run: &Run) -> Plan {
        decided(run, Command::Stall { order: Some(ORDER) }).unwrap()
    }

    fn requeued(plan: Plan) -> Move {
        match plan {
            Plan::Move(moved) => *moved,
            other => panic!("not requeued: {other:?}"),
        }
    }

    #[test]
    fn a_run_that_no_worker_started_comes_back_with_all_it_carried() {
        let run = Run {
            queue_attempts: 2,
            ..run_in(ExecutionStatus::PendingExecuting)
        };
        let moved = requeued(stalled(&run));
        assert_eq!(moved.available_at, Some(Timestamp::from_micros(4_000_000)));
        assert_eq!(moved.queue_attempts, 3);
        assert_eq!(moved.carries, Carries::WAIT);
    }

    #[test]
    fn an_attempt_whose_worker_died_is_retried_while_attempts_are_left() {
        let run = run_in(ExecutionStatus::Executing);
        let moved = requeued(stalled(&run));
        assert_eq!(moved.available_at, Some(ORDER));
        let later = Some(Timestamp::from_micros(9_000_000));
        let early = requeued(decided(&run, Command::Stall { order: later }).unwrap());
        assert_eq!(early.available_at, Some(Timestamp::from_micros(0)));
        assert_eq!(moved.carries, Carries::default());
        let last = Run {
            attempt_number: Some(3),
            ..run
        };
        let finish = end(stalled(&last));
        assert_eq!(finish.run_status, RunStatus::CompletedWithErrors);
        assert_eq!(finish.transition, Transition::StalledForGood);
    }

    #[test]
    fn the_queue_gives_up_after_its_own_attempts() {
        for status in [
            ExecutionStatus::PendingExecuting,
            ExecutionStatus::Executing,
        ] {
            let run = Run {
                queue_attempts: 11,
                ..run_in(status)
            };
            let finish = end(stalled(&run));
            assert_eq!(finish.run_status, RunStatus::SystemFailure);
            assert!(finish.is_dead_lettered);
            let detail = finish.detail.unwrap();
            assert_eq!(detail["error"]["code"], "TASK_RUN_DEQUEUED_MAX_RETRIES");
            let died_of = match status {
                ExecutionStatus::Executing => "TASK_RUN_STALLED_EXECUTING",
                _ => "TASK_RUN_DEQUEUED_MAX_RETRIES",
            };
            assert_eq!(detail["attemptError"]["code"], died_of);
        }
    }

    #[test]
    fn in_development_a_stalled_attempt_ends_cancelled() {
        let run = Run {
            environment_type: EnvironmentType::Development,
            ..run_in(ExecutionStatus::Executing)
        };
        assert_eq!(end(stalled(&run)).run_status, RunStatus::Canceled);
    }

    #[test]
    fn a_cancel_that_no_worker_confirms_is_final() {
        let finish = end(stalled(&run_in(ExecutionStatus::PendingCancel)));
        assert_eq!(finish.run_status, RunStatus::Canceled);
    }

    #[test]
    fn a_silent_worker_may_be_assumed_to_have_run_out_of_memory() {
        let settings = Settings {
            stalls_are_out_of_memory: true,
            ..crate::transition::tests::settings()
        };
        let run = Run {
            machine: Some("small-1x".to_owned()),
            retry: Some(serde_json::json!({"outOfMemory": {"machine": "small-2x"}})),
            ..run_in(ExecutionStatus::Executing)
        };
        let moved = requeued(stall(&run, None, &settings));
        assert_eq!(moved.machine.as_deref(), Some("small-2x"));
        let bare = run_in(ExecutionStatus::Executing);
        assert_eq!(
            end(stall(&bare, None, &settings)).run_status,
            RunStatus::Crashed
        );
    }

    #[test]
    fn a_run_that_nobody_watches_is_left_alone() {
        for status in ExecutionStatus::ALL
            .iter()
            .filter(|status| !status.has_heartbeat())
        {
            assert_eq!(stalled(&run_in(*status)), Plan::Keep, "{status}");
        }
    }
}
