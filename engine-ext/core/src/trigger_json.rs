//! Readers of the options of a trigger, as JSON. `None` for an option that says nothing.

use serde_json::Value;

use crate::{Refusal, Timestamp};

pub(crate) fn wrong<T>(key: &'static str, value: &Value, wanted: &str) -> Result<T, Refusal> {
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

pub(crate) fn text(key: &'static str, value: Value) -> Result<Option<String>, Refusal> {
    match value {
        Value::String(text) => Ok(Some(text)),
        other => wrong(key, &other, "a text"),
    }
}

pub(crate) fn document(_key: &'static str, value: Value) -> Result<Option<Value>, Refusal> {
    Ok(Some(value))
}

pub(crate) fn payload(_key: &'static str, value: Value) -> Result<Option<String>, Refusal> {
    Ok(Some(match value {
        Value::String(text) => text,
        json => json.to_string(),
    }))
}

pub(crate) fn seconds(key: &'static str, value: Value) -> Result<Option<String>, Refusal> {
    match value {
        Value::Number(seconds) => Ok(Some(seconds.to_string())),
        value => text(key, value),
    }
}

pub(crate) fn tags(key: &'static str, value: Value) -> Result<Option<Vec<String>>, Refusal> {
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

pub(crate) fn boolean(key: &'static str, value: Value) -> Result<Option<bool>, Refusal> {
    match value {
        Value::Bool(boolean) => Ok(Some(boolean)),
        other => wrong(key, &other, "true or false"),
    }
}

pub(crate) fn integer<T: TryFrom<i64>>(
    key: &'static str,
    value: Value,
) -> Result<Option<T>, Refusal> {
    match value.as_i64().map(T::try_from) {
        Some(Ok(number)) => Ok(Some(number)),
        _ => wrong(key, &value, "an integer in range"),
    }
}

pub(crate) fn timestamp(key: &'static str, value: Value) -> Result<Option<Timestamp>, Refusal> {
    match value.as_str().and_then(Timestamp::parse_rfc3339) {
        Some(moment) => Ok(Some(moment)),
        None => wrong(
            key,
            &value,
            "a time with an offset, such as 2026-01-01T00:00:00Z",
        ),
    }
}
