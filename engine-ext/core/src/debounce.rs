//! Debounce: several triggers with one key make one run.

use serde_json::{Value, json};

use crate::status::only_in;
use crate::{ExecutionStatus, Refusal, RunStatus, Timestamp, duration};

const MAX_KEY_LENGTH: usize = 512;

/// The debounce options of a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debounce {
    /// Triggers of one task with the same key make one run.
    pub key: String,
    /// How long the run waits for another trigger, as the caller wrote it.
    delay: String,
    delay_ms: i64,
    /// Whether the last trigger defines the run, instead of the first.
    pub is_trailing: bool,
    /// Longest postponement after the run's creation.
    max_delay_ms: Option<i64>,
}

/// Settings that apply to every debounce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebounceLimits {
    /// Due times are rounded down to this step, so that a burst of triggers moves its run once, milliseconds; 0 for no
    /// rounding.
    pub bucket_ms: i64,
    /// Longest postponement of runs whose triggers set none, milliseconds after creation; 0 for no limit.
    pub max_delay_ms: i64,
}

/// The run that has a new trigger's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debounced {
    /// Its status for its owner.
    pub run_status: RunStatus,
    /// Its status for the engine.
    pub execution_status: ExecutionStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it is due.
    pub delay_until: Option<Timestamp>,
}

/// The effect of a trigger on the run that has its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// The run is returned unchanged.
    Same,
    /// The run is returned; it was postponed, redefined, or both.
    Change {
        /// New due time; `None` if unchanged.
        delay_until: Option<Timestamp>,
    },
    /// The run has left its delay, or cannot be postponed further: a new run takes the key.
    Renew,
}

impl Debounce {
    /// Reads the options: `key` and `delay`, optionally `mode` and `maxDelay`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for anything else.
    pub fn read(value: &Value) -> Result<Self, Refusal> {
        let object = value
            .as_object()
            .ok_or_else(|| refused("It is not an object."))?;
        let known = ["key", "delay", "mode", "maxDelay"];
        if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(refused(&format!("\"{key}\" is not an option.")));
        }
        let text = |key: &str| match object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(refused(&format!("\"{key}\" is not a text."))),
        };
        let needed =
            |key: &str| text(key)?.ok_or_else(|| refused(&format!("\"{key}\" is missing.")));
        let (key, delay) = (needed("key")?, needed("delay")?);
        let length = key.chars().count();
        if length == 0 || length > MAX_KEY_LENGTH {
            return Err(refused(&format!(
                "\"key\" has {length} characters, not 1 to {MAX_KEY_LENGTH}."
            )));
        }
        let ms = |text| Ok::<_, Refusal>(duration::check("debounce", text)? * 1000);
        let (delay_ms, max_delay_ms) = (ms(delay)?, text("maxDelay")?.map(ms).transpose()?);
        if delay_ms == 0 {
            return Err(refused(
                "\"delay\" is 0: no other trigger could find the run.",
            ));
        }
        if max_delay_ms.is_some_and(|longest| longest <= delay_ms) {
            return Err(refused(
                "\"maxDelay\" is not above \"delay\": no run could be postponed.",
            ));
        }
        Ok(Self {
            key: key.to_owned(),
            delay: delay.to_owned(),
            delay_ms,
            is_trailing: match text("mode")? {
                None | Some("leading") => false,
                Some("trailing") => true,
                Some(other) => return Err(refused(&format!("\"{other}\" is not a mode."))),
            },
            max_delay_ms,
        })
    }

    /// Refuses a debounce that the server's limits leave without effect.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`).
    pub fn check(&self, limits: DebounceLimits) -> Result<(), Refusal> {
        let ceiling_ms = limits.max_delay_ms;
        if self.max_delay_ms.is_some() || ceiling_ms == 0 || ceiling_ms > self.delay_ms {
            return Ok(());
        }
        Err(Refusal::invalid(
            "debounce",
            format!(
                "Its delay is not below engine.max_debounce_ms, {ceiling_ms}: no run could be postponed."
            ),
            "Pass a shorter delay, or a \"maxDelay\" above it.",
        ))
    }

    /// When a run triggered at `now` is due.
    #[must_use]
    pub const fn delay_until(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(self.delay_ms)
    }

    /// When the key of a run due at `due` is forgotten: a minute later, since the tick may be late.
    #[must_use]
    pub const fn forgotten_at(due: Timestamp) -> Timestamp {
        due.plus_ms(60_000).within_years()
    }

    /// The options as stored with a run created at `created_at`.
    #[must_use]
    pub fn stored(&self, created_at: Timestamp) -> Value {
        json!({"key": self.key, "delay": self.delay, "createdAt": created_at.to_rfc3339()})
    }

    /// Decides what a trigger at `now` does to the run that has its key.
    #[must_use]
    pub fn meet(&self, run: &Debounced, now: Timestamp, limits: DebounceLimits) -> Meeting {
        if !run.can_wait() {
            return Meeting::Renew;
        }
        // A step that is longer than the delay would postpone nothing.
        let bucket_ms = limits.bucket_ms.min(self.delay_ms);
        let candidate = self.delay_until(now).floor_ms(bucket_ms);
        let ceiling = (limits.max_delay_ms > 0).then_some(limits.max_delay_ms);
        let limit = self.max_delay_ms.or(ceiling);
        if limit.is_some_and(|limit| candidate > run.created_at.plus_ms(limit)) {
            return Meeting::Renew;
        }
        let later = run.delay_until.is_none_or(|at| candidate > at);
        match (later.then_some(candidate), self.is_trailing) {
            (None, false) => Meeting::Same,
            (delay_until, _) => Meeting::Change { delay_until },
        }
    }
}

impl Debounced {
    /// Whether the run has not entered its queue yet, or left it to wait for a version.
    fn can_wait(&self) -> bool {
        use ExecutionStatus::*;
        let has_time = matches!(
            self.run_status,
            RunStatus::Delayed | RunStatus::PendingVersion
        );
        only_in!(self.execution_status, { Delayed | RunCreated => has_time } else false)
    }
}

fn refused(detail: &str) -> Refusal {
    Refusal::invalid(
        "debounce",
        detail.to_owned(),
        "Pass {\"key\": \"…\", \"delay\": \"5s\"}, and perhaps \"mode\": \"trailing\" and \"maxDelay\": \"1m\".",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DebounceLimits = DebounceLimits {
        bucket_ms: 1000,
        max_delay_ms: 0,
    };

    fn debounce(more: Value) -> Debounce {
        let mut value = json!({"key": "k", "delay": "5s"});
        if let (Some(object), Some(more)) = (value.as_object_mut(), more.as_object()) {
            object.extend(more.clone());
        }
        Debounce::read(&value).unwrap()
    }

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_micros(0).plus_ms(ms)
    }

    fn delayed(created_ms: i64, until_ms: i64) -> Debounced {
        Debounced {
            run_status: RunStatus::Delayed,
            execution_status: ExecutionStatus::Delayed,
            created_at: ms(created_ms),
            delay_until: Some(ms(until_ms)),
        }
    }

    #[test]
    fn a_run_is_put_off_to_the_second_and_never_forward() {
        let first = delayed(100, 5_100);
        for (now, expected) in [
            (100, Meeting::Same),
            (900, Meeting::Same),
            (
                1_100,
                Meeting::Change {
                    delay_until: Some(ms(6_000)),
                },
            ),
            (
                1_900,
                Meeting::Change {
                    delay_until: Some(ms(6_000)),
                },
            ),
        ] {
            let met = debounce(json!({})).meet(&first, ms(now), LIMITS);
            assert_eq!(met, expected, "{now}");
        }
        let exact = DebounceLimits {
            bucket_ms: 0,
            ..LIMITS
        };
        assert_eq!(
            debounce(json!({})).meet(&first, ms(400), exact),
            Meeting::Change {
                delay_until: Some(ms(5_400))
            }
        );
    }

    #[test]
    fn a_trailing_trigger_always_tells_what_the_run_is() {
        let trailing = debounce(json!({"mode": "trailing"}));
        assert_eq!(
            trailing.meet(&delayed(0, 99_000), ms(10), LIMITS),
            Meeting::Change { delay_until: None }
        );
    }

    #[test]
    fn a_run_that_is_under_way_gives_its_key_away() {
        for status in ExecutionStatus::ALL {
            let run = Debounced {
                execution_status: *status,
                ..delayed(0, 99_000)
            };
            let met = debounce(json!({})).meet(&run, ms(10), LIMITS);
            let waits = matches!(
                status,
                ExecutionStatus::Delayed | ExecutionStatus::RunCreated
            );
            assert_eq!(met == Meeting::Renew, !waits, "{status}");
        }
    }

    #[test]
    fn the_triggers_own_ceiling_comes_before_the_servers() {
        let run = delayed(0, 5_000);
        let server = DebounceLimits {
            max_delay_ms: 5_000,
            ..LIMITS
        };
        assert_eq!(
            debounce(json!({})).meet(&run, ms(2_000), server),
            Meeting::Renew
        );
        let patient = debounce(json!({"maxDelay": "1m"}));
        assert_ne!(patient.meet(&run, ms(2_000), server), Meeting::Renew);
        let hasty = debounce(json!({"maxDelay": "6s"}));
        assert_eq!(hasty.meet(&run, ms(2_000), LIMITS), Meeting::Renew);
        assert_ne!(hasty.meet(&run, ms(1_000), LIMITS), Meeting::Renew);
    }

    #[test]
    fn what_is_no_debounce_is_refused() {
        for value in [
            json!(5),
            json!({}),
            json!({"key": "k"}),
            json!({"delay": "5s"}),
            json!({"key": "", "delay": "5s"}),
            json!({"key": "k".repeat(513), "delay": "5s"}),
            json!({"key": "k", "delay": "300ms"}),
            json!({"key": "k", "delay": 5}),
            json!({"key": "k", "delay": "0s"}),
            json!({"key": "k", "delay": "5s", "maxDelay": "5s"}),
            json!({"key": "k", "delay": "5s", "maxDelay": "4s"}),
            json!({"key": "k", "delay": "5s", "mode": "late"}),
            json!({"key": "k", "delay": "5s", "maxDelay": "soon"}),
            json!({"key": "k", "delay": "5s", "max_delay": "1m"}),
        ] {
            let refused = Debounce::read(&value).unwrap_err();
            assert_eq!(refused.sqlstate(), "22023", "{value}");
        }
    }

    #[test]
    fn a_ceiling_that_is_not_above_the_delay_needs_one_of_the_triggers_own() {
        let refused = |max_delay_ms, more| {
            let limits = DebounceLimits {
                max_delay_ms,
                ..LIMITS
            };
            debounce(more).check(limits).is_err()
        };
        for (ceiling_ms, is_refused) in [(0, false), (4_000, true), (5_000, true), (5_001, false)] {
            assert_eq!(refused(ceiling_ms, json!({})), is_refused, "{ceiling_ms}");
            assert!(!refused(ceiling_ms, json!({"maxDelay": "6s"})));
        }
    }

    #[test]
    fn steps_that_are_longer_than_the_delay_are_as_long_as_it() {
        let hourly = DebounceLimits {
            bucket_ms: 3_600_000,
            ..LIMITS
        };
        assert_eq!(
            debounce(json!({})).meet(&delayed(0, 5_000), ms(5_000), hourly),
            Meeting::Change {
                delay_until: Some(ms(10_000))
            }
        );
    }
}
