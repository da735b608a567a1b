//! Retry settings: the policy of a run, a task or an environment.

use serde_json::Value;

use crate::{Backoff, DEFAULT_MAX_ATTEMPTS, Machine, Refusal};

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
    /// ten years, or that shrink, and for a number of attempts below 1 or with a fraction.
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
        let attempts = json.get("maxAttempts").and_then(Value::as_f64);
        if let Some(attempts) = attempts.filter(|number| *number < 1.0 || number.fract() != 0.0) {
            return Err(Refusal::invalid(
                "retry",
                format!("\"maxAttempts\" is {attempts}, and not a whole number from 1 on."),
                "Pass 1 for no retries.",
            ));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
    fn a_run_has_a_whole_number_of_attempts_and_at_least_one() {
        for number in [json!(0), json!(-1), json!(0.5), json!(2.5)] {
            let refused = RetrySettings::check(json!({"maxAttempts": number})).unwrap_err();
            assert_eq!(refused.sqlstate(), "22023");
            assert!(refused.detail().contains("maxAttempts"), "{number}");
        }
        for number in [json!(1), json!(3.0), json!(1e300)] {
            assert!(RetrySettings::check(json!({"maxAttempts": number})).is_ok());
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
}
