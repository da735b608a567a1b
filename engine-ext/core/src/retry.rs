//! Whether a failed attempt is followed by another one, and when (`spec/core.md §4.5`).

use serde_json::Value;

use crate::{Backoff, MAX_ATTEMPTS, Machine, Refusal, Run, RunError, Settings, Timestamp};

/// Ten years: how long a retry may be put off, milliseconds. The time of a retry stays within what every reader can say.
pub(crate) const MAX_DELAY_MS: i64 = 10 * 366 * 24 * 3_600_000;

/// Retry settings of a run, with the keys of `spec/core.md §4.5`.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrySettings {
    /// From which attempt on there is no delay, and so no retry.
    pub max_attempts: i32,
    /// By what the delay grows with every attempt.
    pub factor: f64,
    /// Delay after the first attempt, milliseconds.
    pub min_ms: i64,
    /// Longest delay, milliseconds.
    pub max_ms: i64,
    /// Whether delays are lengthened by chance.
    pub randomize: bool,
    /// The machine to go on with after running out of memory.
    pub out_of_memory: Option<Machine>,
}

impl RetrySettings {
    /// Reads settings; `None` where a field has the wrong type.
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

    /// Checks the settings that a caller gives.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) where [`Self::parse`] reads nothing, and for a delay of more than ten years.
    pub fn check(json: Value) -> Result<Value, Refusal> {
        for key in ["minTimeoutInMs", "maxTimeoutInMs"] {
            let ms = json.get(key).and_then(Value::as_f64);
            if ms.is_some_and(|ms| ms > MAX_DELAY_MS as f64) {
                return Err(Refusal::invalid(
                    "retry",
                    format!("\"{key}\" is more than ten years."),
                    "Give milliseconds.",
                ));
            }
        }
        match Self::parse(&json) {
            Some(_) => Ok(json),
            None => Err(Refusal::invalid(
                "retry",
                "It is not an object of retry settings.".to_owned(),
                "Give maxAttempts, factor, minTimeoutInMs, maxTimeoutInMs, randomize or outOfMemory.machine.",
            )),
        }
    }

    /// Delay after `attempt`, milliseconds; `None` if there is no other attempt. `jitter` is at least 1 and less than 2.
    #[must_use]
    pub fn delay_ms(&self, attempt: i32, jitter: f64) -> Option<i64> {
        if attempt >= self.max_attempts {
            return None;
        }
        let backoff = Backoff {
            min_ms: self.min_ms,
            max_ms: self.max_ms,
            factor: self.factor,
        };
        let delay = backoff.delay_ms(attempt, if self.randomize { jitter } else { 1.0 });
        (delay > 0).then_some(delay)
    }
}

/// The retry that a worker asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedRetry {
    /// When the next attempt may start; `None` for after the delay.
    pub at: Option<Timestamp>,
    /// How long that is from now, milliseconds.
    pub delay_ms: i64,
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Decision {
    /// The run ends cancelled.
    Cancel,
    /// The run ends failed.
    Fail,
    /// Another attempt.
    Retry(Retry),
}

/// Another attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Retry {
    /// When it may start.
    pub(crate) at: Timestamp,
    /// Whether it goes through the queue, or the same worker starts it.
    pub(crate) is_queued: bool,
    /// The larger machine that it needs.
    pub(crate) machine: Option<Machine>,
}

/// What follows `error` in `run`, in the order of `spec/core.md §4.5`. `asked` is what the worker asks for; `is_forced` if
/// the worker is gone, so that only the queue can start another attempt.
pub(crate) fn decide(
    run: &Run,
    error: &RunError,
    asked: Option<AskedRetry>,
    is_forced: bool,
    settings: &Settings,
) -> Decision {
    if error.internal_code() == Some("TASK_RUN_CANCELLED") {
        return Decision::Cancel;
    }
    let attempt = run.attempt_number.unwrap_or(1);
    let own = run.retry.as_ref().and_then(RetrySettings::parse);
    if error.is_out_of_memory() {
        return own
            .and_then(|own| larger_machine(run, &own, attempt, settings))
            .map_or(Decision::Fail, Decision::Retry);
    }
    if !error.is_retriable() || attempt > MAX_ATTEMPTS || attempt >= run.attempts() {
        return Decision::Fail;
    }
    match asked {
        Some(AskedRetry { at, delay_ms }) => Decision::Retry(Retry {
            at: at.unwrap_or_else(|| settings.now.plus_ms(delay_ms)),
            is_queued: is_forced || delay_ms >= settings.retry_requeue_threshold_ms,
            machine: None,
        }),
        None if error.is_retried_by_settings() => own
            .and_then(|own| own.delay_ms(attempt, settings.jitter))
            .map_or(Decision::Fail, |delay_ms| {
                Decision::Retry(Retry {
                    at: settings.now.plus_ms(delay_ms),
                    is_queued: true,
                    machine: None,
                })
            }),
        None => Decision::Fail,
    }
}

/// The run's own `maxAttempts` is not asked here, only that of the settings: running out of memory on a machine that is too
/// small says nothing about the task (`spec/core.md §4.5`, row 2).
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

    fn asked(delay_ms: i64) -> Option<AskedRetry> {
        Some(AskedRetry { at: None, delay_ms })
    }

    fn decided(run: &Run, error: &RunError, asked: Option<AskedRetry>) -> Decision {
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
        assert_eq!(decided(&run, &user_error(), None), Decision::Fail);
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
        assert_eq!(decided(&bare, &error, None), Decision::Fail);
        let run = Run {
            retry: Some(json!({"minTimeoutInMs": 100, "randomize": false})),
            ..bare
        };
        assert_eq!(
            decided(&run, &error, None),
            Decision::Retry(Retry {
                at: settings().now.plus_ms(100),
                is_queued: true,
                machine: None
            })
        );
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
        let Decision::Retry(retry) = decided(&run, &error, None) else {
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
