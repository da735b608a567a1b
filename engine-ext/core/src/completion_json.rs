//! Completions as JSON.

use serde_json::{Map, Value};

use crate::batch::check_batch;
use crate::document::{check_document, check_text, read};
use crate::retry_settings::MAX_DELAY_MS;
use crate::{
    AskedRetry, Completion, CompletionOf, JSON_TYPE, Outcome, Refusal, RunError, RunId, SnapshotId,
    Timestamp,
};

impl Completion {
    /// Reads a completion.
    ///
    /// # Errors
    /// [`Refusal::MalformedCompletion`] (`22032`), naming the field; [`Refusal::TooDeep`], [`Refusal::ReservedKey`],
    /// [`Refusal::NotJson`] (`22032`).
    pub fn parse(value: &Value) -> Result<Self, Refusal> {
        check_document("completion", value)?;
        let json = value
            .as_object()
            .ok_or_else(|| malformed("It is not an object."))?;
        let outcome = match json.get("ok") {
            Some(Value::Bool(true)) => success(text(json, "output")?, text(json, "outputType")?)?,
            Some(Value::Bool(false)) => {
                let error = json
                    .get("error")
                    .ok_or_else(|| malformed("\"error\" is missing."))?;
                Outcome::Failure {
                    error: RunError::parse(error)?,
                    retry: asked(json.get("retry"))?,
                }
            }
            _ => return Err(malformed("\"ok\" is neither true nor false.")),
        };
        Ok(Self {
            outcome,
            usage_duration_ms: usage(json)?,
            metadata: metadata(json)?,
        })
    }
}

impl CompletionOf {
    /// Reads many completions from an array; `max_batch` is the setting `engine.max_batch`. Each element is read or refused
    /// separately.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for anything but an array, or too many elements.
    pub fn many(value: Value, max_batch: i32) -> Result<Vec<Result<Self, Refusal>>, Refusal> {
        let Value::Array(elements) = value else {
            return Err(Refusal::invalid(
                "completions",
                "It is not an array.".to_owned(),
                "Pass an array of objects.",
            ));
        };
        check_batch("completions", elements.len(), max_batch)?;
        Ok(elements.iter().map(Self::parse).collect())
    }

    fn parse(value: &Value) -> Result<Self, Refusal> {
        let id = |parameter: &'static str| {
            let id = value.get(parameter).and_then(Value::as_str);
            id.ok_or(Refusal::MissingValue { parameter })
        };
        Ok(Self {
            run_id: RunId::parse(id("run_id")?),
            snapshot_id: SnapshotId::parse(id("snapshot_id")?),
            completion: Completion::parse(value.get("completion").unwrap_or(value))?,
        })
    }
}

fn malformed(detail: impl Into<String>) -> Refusal {
    Refusal::MalformedCompletion {
        detail: detail.into(),
    }
}

pub(crate) fn success(
    output: Option<String>,
    output_type: Option<String>,
) -> Result<Outcome, Refusal> {
    if let Some(output) = &output {
        check_text("output", output, output_type.as_deref())?;
    }
    Ok(Outcome::Success {
        output,
        output_type: output_type.unwrap_or_else(|| JSON_TYPE.to_owned()),
    })
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

/// Milliseconds that are a plausible time: before the year 5138.
const MAX_MS: f64 = 1e14;

/// A missing key leaves retries to the run's policy; an explicit null means no retry, as `false` does.
pub(crate) fn asked(retry: Option<&Value>) -> Result<AskedRetry, Refusal> {
    let retry = match retry {
        None => return Ok(AskedRetry::ByPolicy),
        Some(Value::Null | Value::Bool(false)) => return Ok(AskedRetry::Never),
        Some(Value::Object(retry)) => retry,
        Some(_) => return Err(malformed("\"retry\" is neither an object nor false.")),
    };
    let ms = |field: &str, longest: f64| match retry.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(ms) if (0.0..=longest).contains(&ms) => Ok(Some(ms.round() as i64)),
            _ => Err(malformed(format!(
                "\"retry.{field}\" is not a number of milliseconds."
            ))),
        },
    };
    Ok(
        match (ms("timestamp", MAX_MS)?, ms("delay", MAX_DELAY_MS as f64)?) {
            (None, None) => AskedRetry::Again,
            (at, delay_ms) => AskedRetry::At {
                at: at.map(Timestamp::from_unix_ms),
                delay_ms,
            },
        },
    )
}

/// The metadata, or the flushed text if it can be read; unreadable text is ignored.
fn metadata(json: &Map<String, Value>) -> Result<Option<Value>, Refusal> {
    let metadata = match json.get("metadata") {
        None | Some(Value::Null) => {
            let flushed = json
                .get("flushedMetadata")
                .and_then(|flushed| flushed.get("data"));
            flushed.and_then(Value::as_str).and_then(read)
        }
        Some(metadata) => Some(metadata.clone()),
    };
    if let Some(metadata) = &metadata {
        check_document("metadata", metadata)?;
    }
    Ok(metadata)
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
            (
                json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "x"}, "retry": {"delay": -1}}),
                "retry.delay",
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
            Completion::success(None)
        );
        let full = json!({"ok": true, "output": "1", "outputType": "text/plain", "usage": {"durationMs": 1.6}});
        assert_eq!(
            Completion::parse(&full),
            Ok(Completion {
                outcome: Outcome::Success {
                    output: Some("1".to_owned()),
                    output_type: "text/plain".to_owned()
                },
                usage_duration_ms: 2,
                metadata: None
            })
        );
    }

    #[test]
    fn a_retry_says_when_or_after_how_long() {
        let read = |retry: Value| {
            let json =
                json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "x"}, "retry": retry});
            match Completion::parse(&json).unwrap().outcome {
                Outcome::Failure { retry, .. } => retry,
                Outcome::Success { .. } => panic!("not a failure"),
            }
        };
        for no in [json!(null), json!(false)] {
            assert_eq!(read(no), AskedRetry::Never);
        }
        for open in [json!({}), json!({"delay": null})] {
            assert_eq!(read(open), AskedRetry::Again);
        }
        let at = Some(Timestamp::from_unix_ms(1_700_000_000_000));
        let full = json!({"timestamp": 1_700_000_000_000_i64, "delay": 5000});
        let delay_ms = Some(5000);
        assert_eq!(read(full), AskedRetry::At { at, delay_ms });
        let silent = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "x"}});
        assert_eq!(Completion::parse(&silent), Completion::failure("x", None));
    }

    #[test]
    fn metadata_comes_as_it_is_or_flushed_and_is_ignored_if_it_cannot_be_read() {
        let read = |json: Value| Completion::parse(&json).unwrap().metadata;
        assert_eq!(
            read(json!({"ok": true, "metadata": {"a": 1}})),
            Some(json!({"a": 1}))
        );
        assert_eq!(
            read(json!({"ok": true, "flushedMetadata": {"data": "{\"a\": 1}"}})),
            Some(json!({"a": 1}))
        );
        assert_eq!(
            read(json!({"ok": true, "flushedMetadata": {"data": "{"}})),
            None
        );
    }
}
