//! How a worker reports the end of an attempt (`spec/core.md §4.2`).

use serde_json::{Map, Value};

use crate::{Refusal, RunError};

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// It succeeded.
    Success {
        /// Result, opaque text.
        output: Option<String>,
        /// Its media type.
        output_type: String,
        /// Time that the attempt used, milliseconds.
        usage_duration_ms: i64,
    },
    /// It failed.
    Failure {
        /// Why.
        error: RunError,
        /// Whether the worker asks for another attempt.
        wants_retry: bool,
        /// Time that the attempt used, milliseconds.
        usage_duration_ms: i64,
    },
}

impl Completion {
    /// A success with this output, JSON as text.
    #[must_use]
    pub fn success(output: Option<String>) -> Self {
        Self::Success {
            output,
            output_type: JSON.to_owned(),
            usage_duration_ms: 0,
        }
    }

    /// A failure with this message, and no other attempt.
    #[must_use]
    pub fn failure(message: &str) -> Self {
        Self::Failure {
            error: RunError::text(message),
            wants_retry: false,
            usage_duration_ms: 0,
        }
    }

    /// Reads a completion.
    ///
    /// # Errors
    /// [`Refusal::MalformedCompletion`] (`22032`), naming the field.
    pub fn parse(value: &Value) -> Result<Self, Refusal> {
        let json = value
            .as_object()
            .ok_or_else(|| malformed("It is not an object."))?;
        let usage_duration_ms = usage(json)?;
        match json.get("ok") {
            Some(Value::Bool(true)) => Ok(Self::Success {
                output: text(json, "output")?,
                output_type: text(json, "outputType")?.unwrap_or_else(|| JSON.to_owned()),
                usage_duration_ms,
            }),
            Some(Value::Bool(false)) => {
                let error = json
                    .get("error")
                    .ok_or_else(|| malformed("\"error\" is missing."))?;
                Ok(Self::Failure {
                    error: RunError::parse(error)?,
                    wants_retry: retry(json)?,
                    usage_duration_ms,
                })
            }
            _ => Err(malformed("\"ok\" is neither true nor false.")),
        }
    }
}

const JSON: &str = "application/json";

fn malformed(detail: impl Into<String>) -> Refusal {
    Refusal::MalformedCompletion {
        detail: detail.into(),
    }
}

fn text(json: &Map<String, Value>, field: &str) -> Result<Option<String>, Refusal> {
    match json.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed(format!("\"{field}\" is no text."))),
    }
}

fn usage(json: &Map<String, Value>) -> Result<i64, Refusal> {
    match json.get("usage") {
        None | Some(Value::Null) => Ok(0),
        Some(usage) => usage
            .get("durationMs")
            .and_then(Value::as_f64)
            .filter(|duration| *duration >= 0.0)
            .map(|duration| duration.round() as i64)
            .ok_or_else(|| malformed("\"usage.durationMs\" is missing, negative or no number.")),
    }
}

fn retry(json: &Map<String, Value>) -> Result<bool, Refusal> {
    match json.get("retry") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Object(_)) => Ok(true),
        Some(_) => Err(malformed("\"retry\" is not an object.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_a_completion_names_the_field() {
        for (value, field) in [
            (json!([]), "object"),
            (json!({}), "ok"),
            (json!({"ok": "true"}), "ok"),
            (json!({"ok": true, "output": {"a": 1}}), "output"),
            (json!({"ok": true, "outputType": 5}), "outputType"),
            (json!({"ok": true, "usage": {}}), "usage.durationMs"),
            (
                json!({"ok": true, "usage": {"durationMs": -1}}),
                "usage.durationMs",
            ),
            (json!({"ok": false}), "error"),
            (
                json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "x"}, "retry": 5}),
                "retry",
            ),
        ] {
            let refusal = Completion::parse(&value).unwrap_err();
            assert_eq!(refusal.sqlstate(), "22032", "{value}");
            assert!(
                refusal.detail().contains(field),
                "{value}: {}",
                refusal.detail()
            );
        }
    }

    #[test]
    fn a_success_needs_nothing_but_ok() {
        assert_eq!(
            Completion::parse(&json!({"ok": true})),
            Ok(Completion::success(None))
        );
        let full = json!({"ok": true, "output": "1", "outputType": "text/plain", "usage": {"durationMs": 1.6}});
        assert_eq!(
            Completion::parse(&full),
            Ok(Completion::Success {
                output: Some("1".to_owned()),
                output_type: "text/plain".to_owned(),
                usage_duration_ms: 2
            })
        );
    }
}
