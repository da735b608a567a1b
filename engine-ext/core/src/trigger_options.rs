//! The options of a trigger, as arguments or as JSON.

use serde_json::{Map, Value};

use crate::batch::check_batch;
use crate::{Environment, Refusal, Timestamp};

/// The options of a trigger; `None` for options that were not passed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TriggerOptions {
    /// Name of the task to run. Required.
    pub task: Option<String>,
    /// Input of the handler, opaque text.
    pub payload: Option<String>,
    /// Media type of the input.
    pub payload_type: Option<String>,
    /// Name of the queue.
    pub queue: Option<String>,
    /// Id of the environment.
    pub environment_id: Option<String>,
    /// The worker queue that dequeues it.
    pub worker_queue: Option<String>,
    /// Runs with the same key share a limit.
    pub concurrency_key: Option<String>,
    /// Milliseconds by which it moves ahead in its queue.
    pub priority_ms: Option<i64>,
    /// Limit on the number of attempts.
    pub max_attempts: Option<i32>,
    /// Time limit of an attempt, seconds.
    pub max_duration_seconds: Option<i32>,
    /// Machine preset.
    pub machine: Option<String>,
    /// Labels for readers.
    pub tags: Option<Vec<String>>,
    /// The caller's own data, which handlers may change.
    pub metadata: Option<Value>,
    /// Whether it is a test run.
    pub is_test: Option<bool>,
    /// Trace context to continue.
    pub trace_context: Option<Value>,
    /// The caller's own data, which nothing changes.
    pub annotations: Option<Value>,
    /// Queue order, if not the time of the call.
    pub queue_timestamp: Option<Timestamp>,
    /// The run that it replays.
    pub replayed_from: Option<String>,
    /// The run that triggers it.
    pub parent_run_id: Option<String>,
    /// Retry settings of the run itself.
    pub retry: Option<Value>,
    /// The id chosen by the caller, if any.
    pub run_id: Option<String>,
    /// Whether its parent waits for its end.
    pub resume_parent: Option<bool>,
    /// The batch that it joins.
    pub batch_id: Option<String>,
    /// Earliest time of the first attempt.
    pub delay_until: Option<Timestamp>,
    /// Time to live in its queue: a duration, or a number of seconds.
    pub ttl: Option<String>,
    /// Key by which later triggers find this run.
    pub idempotency_key: Option<String>,
    /// When the key is forgotten.
    pub idempotency_key_expires_at: Option<Timestamp>,
    /// Debounce options.
    pub debounce: Option<Value>,
    /// Token that only one trigger may use.
    pub one_time_use_token: Option<String>,
    /// The worker version that it is bound to.
    pub version: Option<String>,
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
            match key.as_str() {
                "task" => options.task = Some(text("task", value)?),
                "payload" => {
                    options.payload = Some(match value {
                        Value::String(text) => text,
                        json => json.to_string(),
                    });
                }
                "payload_type" => options.payload_type = Some(text("payload_type", value)?),
                "queue" => options.queue = Some(text("queue", value)?),
                "environment_id" => options.environment_id = Some(text("environment_id", value)?),
                "worker_queue" => options.worker_queue = Some(text("worker_queue", value)?),
                "concurrency_key" => {
                    options.concurrency_key = Some(text("concurrency_key", value)?)
                }
                "priority_ms" => options.priority_ms = Some(integer("priority_ms", &value)?),
                "max_attempts" => options.max_attempts = Some(integer("max_attempts", &value)?),
                "max_duration_seconds" => {
                    options.max_duration_seconds = Some(integer("max_duration_seconds", &value)?);
                }
                "machine" => options.machine = Some(text("machine", value)?),
                // Encoders that do not distinguish an empty array from an empty object write the latter.
                "tags" if value.as_object().is_some_and(Map::is_empty) => options.tags = None,
                "tags" => options.tags = Some(texts("tags", value)?),
                "metadata" => options.metadata = Some(value),
                "is_test" => options.is_test = Some(boolean("is_test", &value)?),
                "trace_context" => options.trace_context = Some(value),
                "annotations" => options.annotations = Some(value),
                "queue_timestamp" => {
                    options.queue_timestamp = Some(timestamp("queue_timestamp", value)?)
                }
                "replayed_from" => options.replayed_from = Some(text("replayed_from", value)?),
                "parent_run_id" => options.parent_run_id = Some(text("parent_run_id", value)?),
                "retry" => options.retry = Some(value),
                "run_id" => options.run_id = Some(text("run_id", value)?),
                "resume_parent" => options.resume_parent = Some(boolean("resume_parent", &value)?),
                "batch_id" => options.batch_id = Some(text("batch_id", value)?),
                "delay_until" => options.delay_until = Some(timestamp("delay_until", value)?),
                "ttl" => {
                    options.ttl = Some(match value {
                        Value::Number(seconds) => seconds.to_string(),
                        value => text("ttl", value)?,
                    });
                }
                "idempotency_key" => {
                    options.idempotency_key = Some(text("idempotency_key", value)?);
                }
                "idempotency_key_expires_at" => {
                    options.idempotency_key_expires_at =
                        Some(timestamp("idempotency_key_expires_at", value)?);
                }
                "debounce" => options.debounce = Some(value),
                "one_time_use_token" => {
                    options.one_time_use_token = Some(text("one_time_use_token", value)?);
                }
                "version" => options.version = Some(text("version", value)?),
                _ => {
                    return Err(Refusal::invalid(
                        "runs",
                        format!("\"{key}\" is not an option."),
                        "The keys are the parameter names of engine_trigger.",
                    ));
                }
            }
        }
        Ok(options)
    }
}

fn wrong(key: &'static str, value: &Value, wanted: &str) -> Refusal {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Refusal::invalid(
        key,
        format!("It is {found} that is not {wanted}."),
        "Pass a value of the parameter's type.",
    )
}

fn text(key: &'static str, value: Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(wrong(key, &other, "a text")),
    }
}

fn texts(key: &'static str, value: Value) -> Result<Vec<String>, Refusal> {
    match value {
        Value::Array(values) => values.into_iter().map(|value| text(key, value)).collect(),
        other => Err(wrong(key, &other, "an array of texts")),
    }
}

fn boolean(key: &'static str, value: &Value) -> Result<bool, Refusal> {
    value
        .as_bool()
        .ok_or_else(|| wrong(key, value, "true or false"))
}

fn integer<T: TryFrom<i64>>(key: &'static str, value: &Value) -> Result<T, Refusal> {
    value
        .as_i64()
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| wrong(key, value, "an integer in range"))
}

fn timestamp(key: &'static str, value: Value) -> Result<Timestamp, Refusal> {
    match value.as_str().and_then(Timestamp::parse_rfc3339) {
        Some(moment) => Ok(moment),
        None => Err(wrong(
            key,
            &value,
            "a time with an offset, such as 2026-01-01T00:00:00Z",
        )),
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
