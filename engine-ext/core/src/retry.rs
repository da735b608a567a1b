//! Whether a failed attempt is retried, and when.

use crate::{MAX_ATTEMPTS, Machine, RetrySettings, Run, RunError, Settings, Timestamp};

/// A worker's request about a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedRetry {
    /// No request: the run's policy applies.
    ByPolicy,
    /// A retry after the delay of the run's policy, or the default delay.
    Again,
    /// A retry at a time.
    At {
        /// When the next attempt may start; `None` for after the delay.
        at: Option<Timestamp>,
        /// Milliseconds from now until then; `None` to compute it from `at`.
        delay_ms: Option<i64>,
    },
    /// No retry.
    Never,
}

/// The outcome of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Decision {
    /// The run ends cancelled.
    Cancel,
    /// The run ends failed.
    Fail,
    /// Another attempt.
    Retry(Retry),
}

/// A further attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Retry {
    /// When it may start.
    pub(crate) at: Timestamp,
    /// Whether it comes through the queue, or the same worker starts it.
    pub(crate) is_queued: bool,
    /// The larger machine that it needs.
    pub(crate) machine: Option<Machine>,
}

/// Decides what follows `error`, in this order: a cancel, memory that ran out, an error that no retry fixes or attempts that
/// are used up, the worker's request `asked`, the policy. `is_forced` means that the worker is gone, so that only the queue
/// can start the next attempt.
///
/// A policy applies to every failure for which the worker leaves the decision open.
pub(crate) fn decide(
    run: &Run,
    error: &RunError,
    asked: AskedRetry,
    is_forced: bool,
    settings: &Settings,
) -> Decision {
    if error.internal_code() == Some("TASK_RUN_CANCELLED") {
        return Decision::Cancel;
    }
    let number = run.attempt_number.unwrap_or(1);
    // An attempt that its worker released does not count.
    let attempt = number - run.released_attempts;
    let own = run.retry.as_ref().and_then(RetrySettings::parse);
    if error.is_out_of_memory() {
        return own
            .and_then(|own| larger_machine(run, &own, attempt, settings))
            .map_or(Decision::Fail, Decision::Retry);
    }
    if !error.is_retriable() || number > MAX_ATTEMPTS || attempt >= run.attempts() {
        return Decision::Fail;
    }
    let policy = match asked {
        AskedRetry::Never => return Decision::Fail,
        AskedRetry::At { at, delay_ms } => {
            let delay_ms = delay_ms.unwrap_or_else(|| at.map_or(0, |at| at.ms_since(settings.now)));
            return Decision::Retry(Retry {
                at: at.unwrap_or_else(|| settings.now.plus_ms(delay_ms)),
                is_queued: is_forced || delay_ms >= settings.retry_requeue_threshold_ms,
                machine: None,
            });
        }
        AskedRetry::ByPolicy => own,
        AskedRetry::Again => Some(own.unwrap_or_default()),
    };
    // Always through the queue: a worker that knows nothing of retries must not have to wait while it holds a run.
    policy.map_or(Decision::Fail, |policy| {
        Decision::Retry(Retry {
            at: settings
                .now
                .plus_ms(policy.pause_ms(attempt, settings.jitter)),
            is_queued: true,
            machine: None,
        })
    })
}

/// The run's own `maxAttempts` does not apply here, only that of the settings: running out of memory on a machine that is
/// too small says nothing about the task.
fn larger_machine(
    run: &Run,
    own: &RetrySettings,
    attempt: i32,
    settings: &Settings,
) -> Option<Retry> {
    let machine = own.out_of_memory?;
    if run.machine.as_deref()? == machine.as_str() {
        return None;
    }
    let delay_ms = own.delay_ms(attempt, settings.jitter)?;
    Some(Retry {
        at: settings.now.plus_ms(delay_ms),
        is_queued: true,
        machine: Some(machine),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ExecutionStatus;
    use crate::transition::tests::{run_in, settings};

    fn internal(code: &str) -> RunError {
        RunError::parse(&json!({"type": "INTERNAL_ERROR", "code": code})).unwrap()
    }

    fn user_error() -> RunError {
        RunError::parse(&json!({"type": "STRING_ERROR", "raw": "no"})).unwrap()
    }

    fn asked(delay_ms: i64) -> AskedRetry {
        AskedRetry::At {
            at: None,
            delay_ms: Some(delay_ms),
        }
    }

    fn decided(run: &Run, error: &RunError, asked: AskedRetry) -> Decision {
        decide(run, error, asked, false, &settings())
    }

    #[test]
    fn a_worker_that_asks_gets_its_retry_while_attempts_are_left() {
        let run = run_in(ExecutionStatus::Executing);
        let Decision::Retry(retry) = decided(&run, &user_error(), asked(0)) else {
            panic!("no retry")
        };
        assert!(!retry.is_queued);
        let last = Run {
            attempt_number: Some(3),
            ..run.clone()
        };
        assert_eq!(decided(&last, &user_error(), asked(0)), Decision::Fail);
        assert_eq!(
            decided(&run, &user_error(), AskedRetry::ByPolicy),
            Decision::Fail
        );
        assert_eq!(
            decided(&run, &internal("DISK_SPACE_EXCEEDED"), asked(0)),
            Decision::Fail
        );
        assert_eq!(
            decided(&run, &internal("TASK_RUN_CANCELLED"), asked(0)),
            Decision::Cancel
        );
    }

    #[test]
    fn a_long_delay_goes_through_the_queue() {
        let run = run_in(ExecutionStatus::Executing);
        for (delay_ms, queued) in [(29_999, false), (30_000, true)] {
            let Decision::Retry(retry) = decided(&run, &user_error(), asked(delay_ms)) else {
                panic!("no retry")
            };
            assert_eq!(retry.is_queued, queued);
            assert_eq!(retry.at, settings().now.plus_ms(delay_ms));
        }
    }

    #[test]
    fn a_process_that_died_is_retried_by_the_runs_own_settings() {
        let bare = run_in(ExecutionStatus::Executing);
        let error = internal("TASK_PROCESS_SIGTERM");
        assert_eq!(decided(&bare, &error, AskedRetry::ByPolicy), Decision::Fail);
        let run = Run {
            retry: Some(json!({"minTimeoutInMs": 100, "randomize": false})),
            ..bare
        };
        assert_eq!(
            decided(&run, &error, AskedRetry::ByPolicy),
            Decision::Retry(Retry {
                at: settings().now.plus_ms(100),
                is_queued: true,
                machine: None
            })
        );
    }

    #[test]
    fn a_failure_of_which_the_worker_says_nothing_is_retried_by_the_runs_policy_through_the_queue()
    {
        let bare = run_in(ExecutionStatus::Executing);
        let run = Run {
            retry: Some(json!({"minTimeoutInMs": 10, "randomize": false, "maxAttempts": 2})),
            attempt_number: Some(2),
            ..bare.clone()
        };
        let queued = |ms| {
            Decision::Retry(Retry {
                at: settings().now.plus_ms(ms),
                is_queued: true,
                machine: None,
            })
        };
        let by_policy = AskedRetry::ByPolicy;
        // The run's own limit on attempts applies, not that of the policy.
        assert_eq!(decided(&run, &user_error(), by_policy), queued(20));
        assert_eq!(decided(&run, &user_error(), AskedRetry::Again), queued(20));
        assert_eq!(
            decided(&bare, &user_error(), AskedRetry::Again),
            queued(1000)
        );
        let never = AskedRetry::Never;
        assert_eq!(decided(&run, &user_error(), never), Decision::Fail);
        let terminated = internal("TASK_PROCESS_SIGTERM");
        assert_eq!(decided(&run, &terminated, never), Decision::Fail);
        let hopeless = internal("DISK_SPACE_EXCEEDED");
        assert_eq!(decided(&run, &hopeless, by_policy), Decision::Fail);
        let last = Run {
            attempt_number: Some(3),
            ..run.clone()
        };
        assert_eq!(decided(&last, &user_error(), by_policy), Decision::Fail);
        let Decision::Retry(short) = decided(&run, &user_error(), asked(5)) else {
            panic!("no retry")
        };
        assert_eq!(
            (short.at, short.is_queued),
            (settings().now.plus_ms(5), false)
        );
    }

    #[test]
    fn a_time_without_a_delay_is_as_far_as_it_is() {
        let run = run_in(ExecutionStatus::Executing);
        for (ms, is_queued) in [(29_999, false), (30_000, true)] {
            let at = settings().now.plus_ms(ms);
            let named = AskedRetry::At {
                at: Some(at),
                delay_ms: None,
            };
            let Decision::Retry(retry) = decided(&run, &user_error(), named) else {
                panic!("no retry")
            };
            assert_eq!((retry.at, retry.is_queued), (at, is_queued));
        }
    }

    #[test]
    fn out_of_memory_moves_to_the_larger_machine_once() {
        let error = internal("TASK_PROCESS_OOM_KILLED");
        let run = Run {
            machine: Some("small-1x".to_owned()),
            retry: Some(json!({"outOfMemory": {"machine": "small-2x"}})),
            max_attempts: Some(1),
            ..run_in(ExecutionStatus::Executing)
        };
        let Decision::Retry(retry) = decided(&run, &error, AskedRetry::ByPolicy) else {
            panic!("no retry")
        };
        assert_eq!(
            (retry.machine, retry.is_queued),
            (Some(Machine::Small2x), true)
        );
        let upgraded = Run {
            machine: Some("small-2x".to_owned()),
            ..run
        };
        assert_eq!(decided(&upgraded, &error, asked(0)), Decision::Fail);
    }
}
