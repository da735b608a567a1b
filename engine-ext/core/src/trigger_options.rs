//! The options of a trigger: one line each says how it is passed, as an argument or as JSON, and how it is checked.

use serde_json::Value;

use crate::batch::check_batch;
use crate::trigger_argument::{Parameter, TriggerArguments};
use crate::trigger_json::{
    boolean, document, integer, payload, seconds, tags, text, timestamp, wrong,
};
use crate::trigger_value::{
    self as check, bounded, concurrency_key, key, label, machine, name, positive, retry, shallow,
};
use crate::{Environment, Limits, Refusal, RunId, Timestamp};

/// Declares the options, in the order of the parameters of `engine_trigger`: each with its documentation, its type, the reader
/// of its JSON value, and, unless the check needs more than the value itself, its check.
macro_rules! options {
    ($($(#[$doc:meta])+ $option:ident: $kind:ty = $read:path $(, $check:path)?;)+) => {
        /// The options of a trigger; `None` for options that were not passed.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct TriggerOptions {
            $($(#[$doc])+ pub $option: Option<$kind>,)+
        }

        impl TriggerOptions {
            /// The parameters of `engine_trigger`: names and types.
            pub const PARAMETERS: &[(&str, &str)] =
                &[$((stringify!($option), <$kind as Parameter>::TYPE)),+];

            /// Reads the arguments of `engine_trigger`, in the order of its parameters.
            ///
            /// # Errors
            /// As `arguments` refuses them.
            pub fn from_arguments(arguments: &mut impl TriggerArguments) -> Result<Self, Refusal> {
                Ok(Self {
                    $($option: arguments.next(stringify!($option))?,)+
                })
            }

            /// Sets an option from JSON; returns whether there is one with this name.
            pub(crate) fn set(&mut self, name: &str, value: Value) -> Result<bool, Refusal> {
                $(if name == stringify!($option) {
                    self.$option = $read(stringify!($option), value)?;
                    return Ok(true);
                })+
                Ok(false)
            }

            /// Checks each option by itself.
            pub(crate) fn check_each(self, limits: &Limits) -> Result<Self, Refusal> {
                Ok(Self {
                    $($option: self.$option
                        $(.map(|value| $check(stringify!($option), value, limits)).transpose()?)?,)+
                })
            }
        }
    };
}

options! {
    /// Name of the task to run. Required.
    task: String = text, name;
    /// Input of the handler, opaque text.
    payload: String = payload;
    /// Media type of the input.
    payload_type: String = text, label;
    /// Name of the queue.
    queue: String = text, name;
    /// Id of the environment.
    environment_id: String = text;
    /// The worker queue that dequeues it.
    worker_queue: String = text, name;
    /// Runs with the same key share a limit.
    concurrency_key: String = text, concurrency_key;
    /// Milliseconds by which it moves ahead in its queue.
    priority_ms: i64 = integer;
    /// Limit on the number of attempts.
    max_attempts: i32 = integer, positive;
    /// Time limit of an attempt, seconds.
    max_duration_seconds: i32 = integer, positive;
    /// Machine preset.
    machine: String = text, machine;
    /// Labels for readers.
    tags: Vec<String> = tags, check::tags;
    /// The caller's own data, which handlers may change.
    metadata: Value = document, bounded;
    /// Whether it is a test run.
    is_test: bool = boolean;
    /// Trace context to continue.
    trace_context: Value = document, bounded;
    /// The caller's own data, which nothing changes.
    annotations: Value = document, bounded;
    /// Queue order, if not the time of the call.
    queue_timestamp: Timestamp = timestamp;
    /// The run that it replays.
    replayed_from: String = text, label;
    /// The run that triggers it.
    parent_run_id: String = text;
    /// Retry settings of the run itself.
    retry: Value = document, retry;
    /// The id chosen by the caller, if any.
    run_id: String = text;
    /// Whether its parent waits for its end.
    resume_parent: bool = boolean;
    /// The batch that it joins.
    batch_id: String = text;
    /// Earliest time of the first attempt.
    delay_until: Timestamp = timestamp;
    /// Time to live in its queue: a duration, or a number of seconds.
    ttl: String = seconds;
    /// Key by which later triggers find this run.
    idempotency_key: String = text;
    /// When the key is forgotten.
    idempotency_key_expires_at: Timestamp = timestamp;
    /// Debounce options.
    debounce: Value = document, shallow;
    /// Token that only one trigger may use.
    one_time_use_token: String = text, key;
    /// The worker version that it is bound to.
    version: String = text, name;
    /// How long it is kept after its end: a duration, or a number of seconds.
    keep: String = seconds, check::keep;
}

impl TriggerOptions {
    /// The environment that these options name.
    #[must_use]
    pub fn environment_id(&self) -> &str {
        self.environment_id
            .as_deref()
            .unwrap_or(Environment::DEFAULT_ID)
    }

    /// Reads the options of many runs, an array; `max_batch` is the setting `engine.max_batch`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for anything but an array, too many elements, or an element that
    /// [`Self::from_json`] refuses.
    pub fn many_from_json(value: Value, max_batch: i32) -> Result<Vec<Self>, Refusal> {
        let Value::Array(elements) = value else {
            return Err(Refusal::invalid(
                "runs",
                "It is not an array.".to_owned(),
                "Pass an array of objects.",
            ));
        };
        check_batch("runs", elements.len(), max_batch)?;
        let read = |(index, element)| {
            Self::from_json(element).map_err(|refusal| refusal.in_element(index))
        };
        elements.into_iter().enumerate().map(read).collect()
    }

    /// Reads the options of one run: an object whose keys are the parameter names of `engine_trigger`. A payload that is not
    /// text is taken as JSON.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for anything but an object, an unknown key, or a value of the wrong type.
    pub fn from_json(value: Value) -> Result<Self, Refusal> {
        let Value::Object(object) = value else {
            return Err(Refusal::invalid(
                "runs",
                "It is not an object.".to_owned(),
                "Pass an array of objects.",
            ));
        };
        let mut options = Self::default();
        for (key, value) in object.into_iter().filter(|(_, value)| !value.is_null()) {
            if !options.set(&key, value)? {
                return Err(Refusal::invalid(
                    "runs",
                    format!("\"{key}\" is not an option."),
                    "The keys are the parameter names of engine_trigger.",
                ));
            }
        }
        Ok(options)
    }

    /// Reads the options of a run that replays `run_id` from the row of that run in `engine.run`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) if `row` is not an object.
    pub fn of_replay(run_id: &RunId, row: Value) -> Result<Self, Refusal> {
        let mut options = Self {
            replayed_from: Some(run_id.as_str().to_owned()),
            ..Self::default()
        };
        let Value::Object(row) = row else {
            return wrong("run_id", &row, "a row");
        };
        for (column, value) in row {
            if !value.is_null() && !NOT_REPLAYED.contains(&column.as_str()) {
                options.set(&column, value)?;
            }
        }
        Ok(options)
    }
}

/// Options that a replay does not take over: they say when a run begins, what makes it unique, and what it belongs to.
const NOT_REPLAYED: &[&str] = &[
    "queue_timestamp",
    "delay_until",
    "ttl",
    "idempotency_key",
    "debounce",
    "version",
    "replayed_from",
    "parent_run_id",
    "resume_parent",
    "batch_id",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_payload_keeps_its_long_numbers() {
        let value: Value =
            serde_json::from_str(r#"{"task": "t", "payload": {"id": 12345678901234567890123}}"#)
                .unwrap();
        let options = TriggerOptions::from_json(value).unwrap();
        assert_eq!(
            options.payload.as_deref(),
            Some(r#"{"id":12345678901234567890123}"#)
        );
    }

    #[test]
    fn a_text_payload_is_taken_as_it_is_and_null_says_nothing() {
        let options =
            TriggerOptions::from_json(json!({"task": "t", "payload": "plain", "queue": null}))
                .unwrap();
        assert_eq!(
            (options.payload.as_deref(), options.queue),
            (Some("plain"), None)
        );
    }

    #[test]
    fn a_time_to_live_is_a_text_or_a_number_of_seconds() {
        let read = |ttl: Value| TriggerOptions::from_json(json!({"ttl": ttl})).map(|read| read.ttl);
        assert_eq!(read(json!("1h")), Ok(Some("1h".to_owned())));
        assert_eq!(read(json!(90)), Ok(Some("90".to_owned())));
        assert_eq!(read(json!(true)).unwrap_err().sqlstate(), "22023");
    }

    #[test]
    fn an_empty_object_is_no_tags() {
        let options = TriggerOptions::from_json(json!({"task": "t", "tags": {}})).unwrap();
        assert_eq!(options.tags, None);
        assert!(TriggerOptions::from_json(json!({"tags": {"a": 1}})).is_err());
    }

    #[test]
    fn times_carry_their_offset() {
        let options =
            TriggerOptions::from_json(json!({"queue_timestamp": "2000-01-01T01:00:00.5+01:00"}))
                .unwrap();
        assert_eq!(
            options.queue_timestamp,
            Some(Timestamp::from_micros(500_000))
        );
    }

    #[test]
    fn a_replay_takes_over_what_says_what_the_run_does() {
        let row = json!({
            "task": "t", "payload": "{}", "tags": ["a"], "metadata": null, "annotations": {"b": 1}, "priority_ms": 5,
            "ttl": "1h", "version": "1", "parent_run_id": "p", "created_at": "2026-01-01T00:00:00Z", "depth": 3,
        });
        let options = TriggerOptions::of_replay(&RunId::parse("run_r"), row).unwrap();
        let expected = TriggerOptions {
            task: Some("t".to_owned()),
            payload: Some("{}".to_owned()),
            tags: Some(vec!["a".to_owned()]),
            annotations: Some(json!({"b": 1})),
            priority_ms: Some(5),
            replayed_from: Some("r".to_owned()),
            ..TriggerOptions::default()
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        for (value, name) in [
            (json!(5), "runs"),
            (json!({"taks": "t"}), "runs"),
            (json!({"task": 5}), "task"),
            (json!({"priority_ms": "5"}), "priority_ms"),
            (json!({"max_attempts": 3_000_000_000_i64}), "max_attempts"),
            (json!({"tags": "a"}), "tags"),
            (json!({"tags": [1]}), "tags"),
            (json!({"is_test": "yes"}), "is_test"),
            (json!({"queue_timestamp": "yesterday"}), "queue_timestamp"),
        ] {
            let refusal = TriggerOptions::from_json(value.clone()).unwrap_err();
            assert_eq!(refusal.sqlstate(), "22023", "{value}");
            assert!(
                refusal.message().contains(name),
                "{value}: {}",
                refusal.message()
            );
        }
    }
}
