//! The options of a trigger, as arguments or as JSON.

use serde_json::Value;

use crate::batch::check_batch;
use crate::{Environment, Refusal, Timestamp};

/// Declares the options: each with its documentation, its type, and the reader of its JSON value, under its name.
macro_rules! options {
    ($($(#[$doc:meta])+ $option:ident: $kind:ty = $read:path,)+) => {
        /// The options of a trigger; `None` for options that were not passed.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct TriggerOptions {
            $($(#[$doc])+ pub $option: Option<$kind>,)+
        }

        impl TriggerOptions {
            /// Sets an option from JSON; returns whether there is one with this name.
            fn set(&mut self, name: &str, value: Value) -> Result<bool, Refusal> {
                $(if name == stringify!($option) {
                    self.$option = $read(stringify!($option), value)?;
                    return Ok(true);
                })+
                Ok(false)
            }
        }
    };
}

options! {
    /// Name of the task to run. Required.
    task: String = text,
    /// Input of the handler, opaque text.
    payload: String = payload,
    /// Media type of the input.
    payload_type: String = text,
    /// Name of the queue.
    queue: String = text,
    /// Id of the environment.
    environment_id: String = text,
    /// The worker queue that dequeues it.
    worker_queue: String = text,
    /// Runs with the same key share a limit.
    concurrency_key: String = text,
    /// Milliseconds by which it moves ahead in its queue.
    priority_ms: i64 = integer,
    /// Limit on the number of attempts.
    max_attempts: i32 = integer,
    /// Time limit of an attempt, seconds.
    max_duration_seconds: i32 = integer,
    /// Machine preset.
    machine: String = text,
    /// Labels for readers.
    tags: Vec<String> = tags,
    /// The caller's own data, which handlers may change.
    metadata: Value = document,
    /// Whether it is a test run.
    is_test: bool = boolean,
    /// Trace context to continue.
    trace_context: Value = document,
    /// The caller's own data, which nothing changes.
    annotations: Value = document,
    /// Queue order, if not the time of the call.
    queue_timestamp: Timestamp = timestamp,
    /// The run that it replays.
    replayed_from: String = text,
    /// The run that triggers it.
    parent_run_id: String = text,
    /// Retry settings of the run itself.
    retry: Value = document,
    /// The id chosen by the caller, if any.
    run_id: String = text,
    /// Whether its parent waits for its end.
    resume_parent: bool = boolean,
    /// The batch that it joins.
    batch_id: String = text,
    /// Earliest time of the first attempt.
    delay_until: Timestamp = timestamp,
    /// Time to live in its queue: a duration, or a number of seconds.
    ttl: String = seconds,
    /// Key by which later triggers find this run.
    idempotency_key: String = text,
    /// When the key is forgotten.
    idempotency_key_expires_at: Timestamp = timestamp,
    /// Debounce options.
    debounce: Value = document,
    /// Token that only one trigger may use.
    one_time_use_token: String = text,
    /// The worker version that it is bound to.
    version: String = text,
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
}

fn wrong<T>(key: &'static str, value: &Value, wanted: &str) -> Result<T, Refusal> {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Err(Refusal::invalid(
        key,
        format!("It is {found} that is not {wanted}."),
        "Pass a value of the parameter's type.",
    ))
}

fn text(key: &'static str, value: Value) -> Result<Option<String>, Refusal> {
    match value {
        Value::String(text) => Ok(Some(text)),
        other => wrong(key, &other, "a text"),
    }
}

fn document(_key: &'static str, value: Value) -> Result<Option<Value>, Refusal> {
    Ok(Some(value))
}

fn payload(_key: &'static str, value: Value) -> Result<Option<String>, Refusal> {
    Ok(Some(match value {
        Value::String(text) => text,
        json => json.to_string(),
    }))
}

fn seconds(key: &'static str, value: Value) -> Result<Option<String>, Refusal> {
    match value {
        Value::Number(seconds) => Ok(Some(seconds.to_string())),
        value => text(key, value),
    }
}

fn tags(key: &'static str, value: Value) -> Result<Option<Vec<String>>, Refusal> {
    match value {
        Value::Array(values) => {
            let tags = values.into_iter().map(|value| text(key, value));
            Ok(Some(
                tags.collect::<Result<Vec<_>, _>>()?
                    .into_iter()
                    .flatten()
                    .collect(),
            ))
        }
        // Encoders that do not distinguish an empty array from an empty object write the latter.
        Value::Object(object) if object.is_empty() => Ok(None),
        other => wrong(key, &other, "an array of texts"),
    }
}

fn boolean(key: &'static str, value: Value) -> Result<Option<bool>, Refusal> {
    match value {
        Value::Bool(boolean) => Ok(Some(boolean)),
        other => wrong(key, &other, "true or false"),
    }
}

fn integer<T: TryFrom<i64>>(key: &'static str, value: Value) -> Result<Option<T>, Refusal> {
    match value.as_i64().map(T::try_from) {
        Some(Ok(number)) => Ok(Some(number)),
        _ => wrong(key, &value, "an integer in range"),
    }
}

fn timestamp(key: &'static str, value: Value) -> Result<Option<Timestamp>, Refusal> {
    match value.as_str().and_then(Timestamp::parse_rfc3339) {
        Some(moment) => Ok(Some(moment)),
        None => wrong(
            key,
            &value,
            "a time with an offset, such as 2026-01-01T00:00:00Z",
        ),
    }
}

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
