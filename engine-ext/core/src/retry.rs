//! Whether a failed attempt is retried, and when.

use serde_json::Value;

use crate::{
    Backoff, DEFAULT_MAX_ATTEMPTS, MAX_ATTEMPTS, Machine, Refusal, Run, RunError, Settings,
    Timestamp,
};

/// Longest delay of a retry, milliseconds: ten years, so that its time stays in the range that every reader supports.
pub(crate) const MAX_DELAY_MS: i64 = 10 * 366 * 24 * 3_600_000;

/// Retry settings of a run, as [`RetrySettings::parse`] reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrySettings {
    /// The attempt from which on there is no delay, and so no retry.
    pub max_attempts: i32,
    /// Growth of the delay per attempt.
    pub factor: f64,
    /// Delay after the first attempt, milliseconds.
    pub min_ms: i64,
    /// Longest delay, milliseconds.
    pub max_ms: i64,
    /// Whether jitter lengthens delays.
    pub randomize: bool,
    /// Machine of the next attempt after running out of memory.
    pub out_of_memory: Option<Machine>,
}

impl RetrySettings {
    /// Reads settings; `None` if a field has the wrong type.
    #[must_use]
    pub fn parse(json: &Value) -> Option<Self> {
        let json = json.as_object()?;
        let number = |key: &str, default: f64| match json.get(key) {
            None | Some(Value::Null) => Some(default),
            Some(value) => value.as_f64().filter(|number| *number >= 0.0),
        };
        let machine = json
            .get("outOfMemory")
            .and_then(|settings| settings.get("machine"));
        Some(Self {
            max_attempts: number("maxAttempts", 3.0)? as i32,
            factor: number("factor", 2.0)?,
            min_ms: (number("minTimeoutInMs", 1_000.0)? as i64).min(MAX_DELAY_MS),
            max_ms: (number("maxTimeoutInMs", 60_000.0)? as i64).min(MAX_DELAY_MS),
            randomize: match json.get("randomize") {
                None | Some(Value::Null) => true,
                Some(value) => value.as_bool()?,
            },
            out_of_memory: match machine {
                None | Some(Value::Null) => None,
                Some(name) => Some(Machine::parse(name.as_str()?)?),
            },
        })
    }

    /// Checks settings that a caller passes.
    ///
    /// A zero delay would prevent the retry after running out of memory, and retry any other failure in a tight loop.
    /// Callers that configure delays want neither, so zero is refused.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) where [`Self::parse`] returns `None`, and for delays below a millisecond, above
    /// ten years, or that shrink.
    pub fn check(json: Value) -> Result<Value, Refusal> {
        for key in ["minTimeoutInMs", "maxTimeoutInMs", "factor"] {
            let number = json.get(key).and_then(Value::as_f64);
            if let Some(number) = number.filter(|number| *number < 1.0) {
                return Err(Refusal::invalid(
                    "retry",
                    format!(
                        "\"{key}\" is {number}, and less than 1: retries would come without a delay, or not at all."
                    ),
                    "Pass 1 or more, or maxAttempts 1 for no retries.",
                ));
            }
        }
        for key in ["minTimeoutInMs", "maxTimeoutInMs"] {
            let ms = json.get(key).and_then(Value::as_f64);
            if ms.is_some_and(|ms| ms > MAX_DELAY_MS as f64) {
                return Err(Refusal::invalid(
                    "retry",
                    format!("\"{key}\" is more than ten years."),
                    "Pass milliseconds.",
                ));
            }
        }
        match Self::parse(&json) {
            Some(_) => Ok(json),
            None => Err(Refusal::invalid(
                "retry",
                "It is not an object of retry settings.".to_owned(),
                "Pass maxAttempts, factor, minTimeoutInMs, maxTimeoutInMs, randomize or outOfMemory.machine.",
            )),
        }
    }

    /// Delay after `attempt`, milliseconds; `None` if no attempt is left. `jitter` is at least 1 and less than 2.
    #[must_use]
    pub fn delay_ms(&self, attempt: i32, jitter: f64) -> Option<i64> {
        if attempt >= self.max_attempts {
            return None;
        }
        let delay = self.pause_ms(attempt, jitter);
        (delay > 0).then_some(delay)
    }

    /// Delay between `attempt` and the next one, milliseconds, regardless of the settings' limit: the run's own limit
    /// applies. `jitter` is at least 1 and less than 2.
    #[must_use]
    pub fn pause_ms(&self, attempt: i32, jitter: f64) -> i64 {
        let backoff = Backoff {
            min_ms: self.min_ms,
            max_ms: self.max_ms,
            factor: self.factor,
        };
        backoff.delay_ms(attempt, if self.randomize { jitter } else { 1.0 })
    }
}

/// Defaults of missing fields.
impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            factor: 2.0,
            min_ms: 1_000,
            max_ms: 60_000,
            randomize: true,
            out_of_memory: None,
        }
    }
}

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
    fn delays_follow_the_settings() {
        let given = json!({"maxAttempts": 4, "factor": 3, "minTimeoutInMs": 100, "maxTimeoutInMs": 500, "randomize": false});
        let own = RetrySettings::parse(&given).unwrap();
        let delays: Vec<Option<i64>> = (1..=4).map(|attempt| own.delay_ms(attempt, 1.9)).collect();
        assert_eq!(delays, [Some(100), Some(300), Some(500), None]);
        let default = RetrySettings::parse(&json!({})).unwrap();
        assert_eq!(default.delay_ms(1, 1.5), Some(1500));
        assert_eq!(default.delay_ms(3, 1.5), None);
        let at_once = RetrySettings::parse(&json!({"minTimeoutInMs": 0})).unwrap();
        assert_eq!(at_once.delay_ms(1, 1.0), None, "no delay is no retry");
    }

    #[test]
    fn settings_of_the_wrong_type_are_no_settings() {
        for bad in [
            json!(5),
            json!({"factor": "2"}),
            json!({"maxAttempts": -1}),
            json!({"randomize": 1}),
            json!({"outOfMemory": {"machine": "huge"}}),
        ] {
            assert_eq!(RetrySettings::parse(&bad), None, "{bad}");
            assert!(RetrySettings::check(bad).is_err());
        }
    }

    #[test]
    fn settings_that_a_caller_may_give_never_come_to_a_delay_of_nothing() {
        for key in ["minTimeoutInMs", "maxTimeoutInMs", "factor"] {
            for number in [0.0, 0.1, 0.999] {
                let refused = RetrySettings::check(json!({key: number})).unwrap_err();
                assert_eq!(refused.sqlstate(), "22023");
                assert!(refused.detail().contains(key), "{}", refused.detail());
            }
            let least = RetrySettings::check(json!({key: 1, "maxAttempts": 300})).unwrap();
            let least = RetrySettings::parse(&least).unwrap();
            for attempt in 1..300 {
                assert!(least.delay_ms(attempt, 1.0).is_some(), "{key}, {attempt}");
            }
        }
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
