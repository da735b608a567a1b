//! Errors of failed attempts, and the status they lead to.

use serde_json::{Map, Value, json};

use crate::document::check_document;
use crate::error_code::{EXITED, NOT_RETRIABLE};
use crate::sanitize::sanitize;
use crate::{EnvironmentType, ErrorCode, Refusal, RunStatus};

/// The error of a failed attempt: JSON with `type` and the fields of that type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    json: Map<String, Value>,
}

impl RunError {
    /// An error raised by the engine itself.
    #[must_use]
    pub fn internal(code: ErrorCode, message: &str) -> Self {
        let mut json = Map::new();
        json.insert("type".to_owned(), json!("INTERNAL_ERROR"));
        json.insert("code".to_owned(), json!(code.as_str()));
        json.insert("message".to_owned(), json!(message));
        Self { json }
    }

    /// A plain text error, `STRING_ERROR`, truncated like those of completions.
    #[must_use]
    pub fn text(raw: &str) -> Self {
        let mut json = Map::new();
        json.insert("type".to_owned(), json!("STRING_ERROR"));
        json.insert("raw".to_owned(), json!(raw));
        Self {
            json: sanitize(json),
        }
    }

    /// Reads the error of a completion.
    ///
    /// # Errors
    /// [`Refusal::MalformedCompletion`] if its type is not one of the four, or a field of that type is missing or not text.
    pub fn parse(value: &Value) -> Result<Self, Refusal> {
        let malformed = |detail: &str| Refusal::MalformedCompletion {
            detail: detail.to_owned(),
        };
        check_document("error", value)?;
        let json = value
            .as_object()
            .ok_or_else(|| malformed("\"error\" is not an object."))?;
        let needed: &[&str] = match json.get("type").and_then(Value::as_str) {
            Some("BUILT_IN_ERROR") => &["name", "message", "stackTrace"],
            Some("CUSTOM_ERROR" | "STRING_ERROR") => &["raw"],
            Some("INTERNAL_ERROR") => &["code"],
            _ => {
                return Err(malformed(
                    "\"error.type\" is not BUILT_IN_ERROR, CUSTOM_ERROR, STRING_ERROR or INTERNAL_ERROR.",
                ));
            }
        };
        match needed
            .iter()
            .find(|field| !json.get(**field).is_some_and(Value::is_string))
        {
            Some(field) => Err(malformed(&format!(
                "\"error.{field}\" is missing or no text."
            ))),
            None => Ok(Self {
                json: sanitize(json.clone()),
            }),
        }
    }

    /// The error as it is stored.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(self.json.clone())
    }

    /// The code, if the error is an internal one.
    #[must_use]
    pub fn internal_code(&self) -> Option<&str> {
        match self.json.get("type").and_then(Value::as_str) {
            Some("INTERNAL_ERROR") => self.json.get("code").and_then(Value::as_str),
            _ => None,
        }
    }

    fn text_of(&self, field: &str) -> &str {
        let text = self.json.get(field).and_then(Value::as_str);
        text.unwrap_or_default()
    }

    /// What happened, in one line: the message, or the raw value of an error without a message.
    #[must_use]
    pub fn message(&self) -> &str {
        match self.text_of("message") {
            "" => self.text_of("raw"),
            message => message,
        }
    }

    /// Whether the attempt ran out of memory, according to the report.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        let message = self.message();
        match self.internal_code() {
            Some("TASK_PROCESS_OOM_KILLED" | "TASK_PROCESS_MAYBE_OOM_KILLED") => true,
            Some(EXITED) => {
                let stack = self.text_of("stackTrace").to_lowercase();
                message.contains("-1")
                    && (message.contains("SIGKILL")
                        || message.contains("SIGABRT")
                            && (stack.contains("out of memory") || stack.contains("heap limit")))
            }
            Some(_) => false,
            None => {
                self.text_of("type") == "BUILT_IN_ERROR"
                    && (message.contains("ffmpeg was killed with signal SIGKILL")
                        || message == "MANUAL_OOM_KILL_ERROR")
            }
        }
    }

    /// The code that decides about a retry: for a process that exited, the code of the signal that ended it.
    fn decisive_code(&self) -> Option<&str> {
        let signalled = match self.internal_code() {
            Some(EXITED) => self.message(),
            Some(code) => return Some(code),
            None if self.text_of("name") == "UnexpectedExitError"
                && self.message().starts_with("Unexpected exit with code -1") =>
            {
                self.text_of("stackTrace")
            }
            None => return None,
        };
        let beginning: String = signalled.chars().take(100).collect();
        let signals = [
            ("SIGTERM", "TASK_PROCESS_SIGTERM"),
            ("SIGSEGV", "TASK_PROCESS_SIGSEGV"),
            ("SIGKILL", "TASK_PROCESS_MAYBE_OOM_KILLED"),
            ("SIGABRT", "TASK_PROCESS_MAYBE_OOM_KILLED"),
        ];
        let first = signals
            .iter()
            .filter_map(|(signal, code)| Some((beginning.find(signal)?, *code)))
            .min();
        first.map(|(_, code)| code).or(self.internal_code())
    }

    /// Whether another attempt could succeed.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.decisive_code()
            .is_none_or(|code| !NOT_RETRIABLE.contains(&code))
    }

    /// The final status of a run without attempts left.
    #[must_use]
    pub fn final_status(&self, environment: EnvironmentType) -> RunStatus {
        let Some(code) = self.internal_code() else {
            return RunStatus::CompletedWithErrors;
        };
        match code {
            "RECURSIVE_WAIT_DEADLOCK"
            | "TASK_INPUT_ERROR"
            | "TASK_OUTPUT_ERROR"
            | "TASK_MIDDLEWARE_ERROR"
            | "TASK_RUN_UNCAUGHT_EXCEPTION" => RunStatus::CompletedWithErrors,
            "TASK_RUN_STALLED_EXECUTING" | "TASK_RUN_STALLED_EXECUTING_WITH_WAITPOINTS" => {
                match environment {
                    EnvironmentType::Development => RunStatus::Canceled,
                    EnvironmentType::Production
                    | EnvironmentType::Staging
                    | EnvironmentType::Preview => RunStatus::CompletedWithErrors,
                }
            }
            "TASK_RUN_CANCELLED" => RunStatus::Canceled,
            "MAX_DURATION_EXCEEDED" => RunStatus::TimedOut,
            "TASK_PROCESS_OOM_KILLED"
            | "TASK_PROCESS_MAYBE_OOM_KILLED"
            | "TASK_PROCESS_SIGSEGV"
            | "DISK_SPACE_EXCEEDED"
            | "OUTDATED_SDK_VERSION"
            | "HANDLE_ERROR_ERROR"
            | "TASK_RUN_CRASHED"
            | "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE" => RunStatus::Crashed,
            _ => RunStatus::SystemFailure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn internal(code: &str) -> RunError {
        RunError::parse(&json!({"type": "INTERNAL_ERROR", "code": code})).unwrap()
    }

    #[test]
    fn an_error_has_a_known_type_and_the_fields_of_that_type() {
        for bad in [
            json!("text"),
            json!({}),
            json!({"type": "OTHER"}),
            json!({"type": "STRING_ERROR"}),
            json!({"type": "STRING_ERROR", "raw": 1}),
            json!({"type": "BUILT_IN_ERROR", "name": "E", "message": "m"}),
            json!({"type": "INTERNAL_ERROR"}),
        ] {
            assert_eq!(
                RunError::parse(&bad).unwrap_err().sqlstate(),
                "22032",
                "{bad}"
            );
        }
        let given = json!({"type": "BUILT_IN_ERROR", "name": "E", "message": "m", "stackTrace": "", "extra": null});
        assert_eq!(RunError::parse(&given).unwrap().to_json(), given);
    }

    #[test]
    fn the_final_status_follows_the_code() {
        let status = |code: &str| internal(code).final_status(EnvironmentType::Production);
        assert_eq!(status("DISK_SPACE_EXCEEDED"), RunStatus::Crashed);
        assert_eq!(status("MAX_DURATION_EXCEEDED"), RunStatus::TimedOut);
        assert_eq!(status("TASK_INPUT_ERROR"), RunStatus::CompletedWithErrors);
        assert_eq!(
            status("TASK_RUN_DEQUEUED_MAX_RETRIES"),
            RunStatus::SystemFailure
        );
        assert_eq!(
            status("TASK_RUN_STALLED_EXECUTING"),
            RunStatus::CompletedWithErrors
        );
        assert_eq!(
            internal("TASK_RUN_STALLED_EXECUTING").final_status(EnvironmentType::Development),
            RunStatus::Canceled
        );
    }

    #[test]
    fn an_error_of_the_task_is_retriable_and_a_lost_executor_is_not() {
        let user = RunError::parse(&json!({"type": "STRING_ERROR", "raw": "no"})).unwrap();
        assert!(user.is_retriable());
        assert!(internal("TASK_PROCESS_SIGSEGV").is_retriable());
        assert!(!internal("COULD_NOT_FIND_EXECUTOR").is_retriable());
    }

    fn exited(message: &str, stack: &str) -> RunError {
        let json = json!({"type": "INTERNAL_ERROR", "code": EXITED, "message": message, "stackTrace": stack});
        RunError::parse(&json).unwrap()
    }

    #[test]
    fn a_process_that_the_kernel_killed_ran_out_of_memory() {
        assert!(internal("TASK_PROCESS_OOM_KILLED").is_out_of_memory());
        assert!(exited("Process exited with code -1 after signal SIGKILL.", "").is_out_of_memory());
        let aborted = "Process exited with code -1 after signal SIGABRT.";
        assert!(exited(aborted, "JavaScript heap out of memory").is_out_of_memory());
        assert!(!exited(aborted, "assertion failed").is_out_of_memory());
        assert!(!exited("Process exited with code 137, SIGKILL", "").is_out_of_memory());
        let by_hand = json!({"type": "BUILT_IN_ERROR", "name": "Error", "message": "MANUAL_OOM_KILL_ERROR", "stackTrace": ""});
        assert!(RunError::parse(&by_hand).unwrap().is_out_of_memory());
    }

    #[test]
    fn a_process_that_exited_is_classified_by_its_signal() {
        let terminated = exited("killed by SIGTERM", "");
        assert!(terminated.is_retriable());
        let killed = exited("exit code 137, SIGKILL", "");
        assert!(!killed.is_retriable() && !killed.is_out_of_memory());
        assert!(exited("exit code 1", "").is_retriable());
    }
}
