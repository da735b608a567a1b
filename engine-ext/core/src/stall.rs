//! What a missed heartbeat deadline makes of a run (`spec/core.md §3.5`).

use crate::{ErrorCode, ExecutionStatus, Plan, Requeue, Run, RunError, StallPolicy, attempt};

/// Delay before a run whose attempt stalled may be claimed again, milliseconds.
const RETRY_DELAY_MS: i64 = 250;

/// Puts `run` back into its queue, or ends it where nothing is left to try.
pub(crate) fn stall(run: &Run, policy: StallPolicy) -> Plan {
    use ExecutionStatus::*;
    match run.execution_status {
        PendingExecuting => {
            let delay_ms = policy
                .backoff
                .delay_ms(run.queue_attempts + 1, policy.jitter);
            let error = RunError::internal(
                ErrorCode::DequeuedMaxRetries,
                "no worker started the run in time",
            );
            requeue(run, policy, delay_ms, true, &error)
        }
        Executing => stalled_attempt(run, policy, ErrorCode::StalledExecuting),
        ExecutingWithWaitpoints => {
            stalled_attempt(run, policy, ErrorCode::StalledExecutingWithWaitpoints)
        }
        // Nothing writes the first two yet; the rest have no deadline.
        Suspended | PendingCancel | RunCreated | Delayed | Queued | QueuedExecuting | Finished => {
            Plan::Keep
        }
    }
}

/// The worker of a running attempt is gone: another attempt, if the run has one left.
fn stalled_attempt(run: &Run, policy: StallPolicy, code: ErrorCode) -> Plan {
    let error = RunError::internal(code, "the worker stopped beating");
    if !run.environment_type.retries_stalls() || !attempt::attempts_left(run) {
        return run.fail(&error, "Failed: its worker stopped beating", 0);
    }
    requeue(run, policy, RETRY_DELAY_MS, false, &error)
}

/// Back into the queue after `delay_ms`, or the end by `error` if the queue's own attempts are used up.
fn requeue(run: &Run, policy: StallPolicy, delay_ms: i64, carries: bool, error: &RunError) -> Plan {
    let queue_attempts = run.queue_attempts + 1;
    if queue_attempts >= policy.queue_max_attempts {
        let given_up = RunError::internal(ErrorCode::DequeuedMaxRetries, error.message());
        return run.fail(
            &given_up,
            "Failed: it came back into its queue too often",
            0,
        );
    }
    Plan::Requeue(Requeue {
        description: if carries {
            "Requeued: no worker started it in time"
        } else {
            "Requeued: its worker stopped beating"
        },
        available_at: policy.now.plus_ms(delay_ms),
        queue_attempts,
        carries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::tests::run_in;
    use crate::{Backoff, Command, EnvironmentType, RunStatus, Timestamp, decide};

    const POLICY: StallPolicy = StallPolicy {
        now: Timestamp::from_micros(0),
        backoff: Backoff {
            min_ms: 1000,
            max_ms: 3_600_000,
        },
        jitter: 1.0,
        queue_max_attempts: 12,
    };

    fn stalled(run: &Run) -> Plan {
        decide(run, Command::Stall(POLICY)).unwrap()
    }

    fn final_status(plan: Plan) -> RunStatus {
        match plan {
            Plan::Finish(finish) => finish.run_status,
            other => panic!("not finished: {other:?}"),
        }
    }

    #[test]
    fn a_run_that_no_worker_started_comes_back_with_all_it_carried() {
        let run = Run {
            queue_attempts: 2,
            ..run_in(ExecutionStatus::PendingExecuting)
        };
        let Plan::Requeue(requeue) = stalled(&run) else {
            panic!("not requeued")
        };
        assert_eq!(requeue.available_at, Timestamp::from_micros(4_000_000));
        assert_eq!(requeue.queue_attempts, 3);
        assert!(requeue.carries);
    }

    #[test]
    fn an_attempt_whose_worker_died_is_retried_while_attempts_are_left() {
        let run = run_in(ExecutionStatus::Executing);
        let Plan::Requeue(requeue) = stalled(&run) else {
            panic!("not requeued")
        };
        assert_eq!(requeue.available_at, Timestamp::from_micros(250_000));
        assert!(!requeue.carries);
        let last = Run {
            attempt_number: Some(3),
            ..run
        };
        assert_eq!(final_status(stalled(&last)), RunStatus::CompletedWithErrors);
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
            assert_eq!(final_status(stalled(&run)), RunStatus::SystemFailure);
        }
    }

    #[test]
    fn in_development_a_stalled_attempt_ends_cancelled() {
        let run = Run {
            environment_type: EnvironmentType::Development,
            ..run_in(ExecutionStatus::Executing)
        };
        assert_eq!(final_status(stalled(&run)), RunStatus::Canceled);
    }

    #[test]
    fn a_run_without_a_slot_is_left_alone() {
        for status in ExecutionStatus::ALL
            .iter()
            .filter(|status| !status.holds_slot())
        {
            assert_eq!(stalled(&run_in(*status)), Plan::Keep, "{status}");
        }
    }
}
