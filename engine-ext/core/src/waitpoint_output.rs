//! The outputs that complete waitpoints.

use serde_json::{Value, json};

use crate::document::check_text;
use crate::{Limits, Refusal, RunError, RunStatus, Timestamp, check_label};

/// The output of a waitpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// The value, opaque text.
    pub value: Option<String>,
    /// Its media type; `None` for JSON.
    pub media_type: Option<String>,
    /// Whether the wait failed.
    pub is_error: bool,
}

impl Output {
    /// Checks the output with which a caller completes a waitpoint.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`] (`54000`) for a value over the limit; [`Refusal::InvalidValue`] (`22023`) for a media type that
    /// is too long; [`Refusal::TooDeep`], [`Refusal::ReservedKey`], [`Refusal::NotJson`] (`22032`).
    pub fn given(
        value: Option<String>,
        media_type: Option<String>,
        is_error: bool,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let media_type = check_label("output_type", media_type)?;
        if let Some(value) = &value {
            limits.check_payload("output", value.len())?;
            check_text("output", value, media_type.as_deref())?;
        }
        Ok(Self {
            value,
            media_type,
            is_error,
        })
    }

    /// The output of a wait that timed out at `at`. Readers recognize it by its code.
    #[must_use]
    pub fn timeout(at: Timestamp) -> Self {
        let message = format!("Waitpoint timed out at {}", at.to_rfc3339());
        Self::failed(&json!({"code": "TRIGGER_WAITPOINT_TIMEOUT", "message": message}))
    }

    /// The output of a wait that failed, with the reason in words.
    pub(crate) fn error(reason: &str) -> Self {
        Self::failed(&RunError::text(reason).to_json())
    }

    /// The output of a finished run for the runs that wait for it; `None` while it has not ended.
    #[must_use]
    pub fn of_run(
        status: RunStatus,
        output: Option<&str>,
        output_type: Option<&str>,
        error: Option<&Value>,
    ) -> Option<Self> {
        if !status.is_final() {
            return None;
        }
        if status != RunStatus::CompletedSuccessfully {
            return Some(Self::failed(error.unwrap_or(&json!({}))));
        }
        Some(match output {
            Some(output) => Self {
                value: Some(output.to_owned()),
                media_type: output_type.map(str::to_owned),
                is_error: false,
            },
            None => Self::default(),
        })
    }

    fn failed(error: &Value) -> Self {
        Self {
            value: Some(error.to_string()),
            media_type: None,
            is_error: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_has_not_ended_returns_nothing_yet() {
        for status in RunStatus::ALL {
            let output = Output::of_run(*status, Some("1"), None, None);
            assert_eq!(output.is_some(), status.is_final(), "{status}");
        }
    }

    #[test]
    fn a_success_returns_its_output_and_every_other_end_its_error() {
        let success = Output::of_run(
            RunStatus::CompletedSuccessfully,
            Some("plain"),
            Some("text/plain"),
            None,
        );
        assert_eq!(
            success,
            Some(Output {
                value: Some("plain".to_owned()),
                media_type: Some("text/plain".to_owned()),
                is_error: false,
            })
        );
        let without =
            Output::of_run(RunStatus::CompletedSuccessfully, None, Some("x"), None).unwrap();
        assert_eq!(without, Output::default());
        let error = json!({"type": "STRING_ERROR", "raw": "no"});
        let failed = Output::of_run(RunStatus::Canceled, Some("1"), None, Some(&error)).unwrap();
        assert_eq!(
            (failed.value, failed.is_error),
            (Some(error.to_string()), true)
        );
    }

    #[test]
    fn a_timeout_is_known_by_its_code() {
        let output = Output::timeout(Timestamp::from_micros(0));
        let value: Value = serde_json::from_str(&output.value.unwrap()).unwrap();
        assert_eq!(value["code"], "TRIGGER_WAITPOINT_TIMEOUT");
        assert_eq!(
            value["message"],
            "Waitpoint timed out at 2000-01-01T00:00:00Z"
        );
        assert!(output.is_error);
    }
}
