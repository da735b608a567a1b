//! Why an attempt failed, and whether to retry it.

use std::any::{Any, type_name};
use std::error::Error as StdError;
use std::fmt::Display;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

/// Why an attempt failed: what a handler returns as its error.
///
/// Every standard error converts to it with `?`. For text, and errors that do not implement [`std::error::Error`],
/// use [`Failure::message`].
///
/// While the run has attempts left, the attempt is retried by the run's policy
/// ([`Trigger::retry`](crate::Trigger::retry)), or by the [`RetryPolicy`](crate::RetryPolicy) of the task or
/// worker; a failure may request another pause, or no retry.
///
/// ```
/// use std::time::Duration;
/// use engine_client::Failure;
///
/// async fn count_lines(path: String) -> Result<usize, Failure> {
///     let text = std::fs::read_to_string(&path)?;
///     if text.is_empty() {
///         let failure = Failure::message("the file is empty as yet");
///         return Err(failure.retry_after(Duration::from_secs(60)));
///     }
///     if text.contains('\0') {
///         return Err(Failure::message("not a text file").no_retry());
///     }
///     Ok(text.lines().count())
/// }
/// ```
//
// It does not implement std::error::Error itself: that would overlap with the conversion from all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    error: RunError,
    retry: Retry,
}

/// Longest summary of an error in a log, characters.
const LONGEST_SUMMARY: usize = 500;

/// The error of a failed attempt, or of a run that ended with it.
///
/// ```
/// use engine_client::RunError;
///
/// fn class(error: &RunError) -> &str {
///     match error {
///         RunError::Error { name, .. } => name,
///         RunError::Internal { code, .. } => code,
///         _ => "other",
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// `STRING_ERROR`: a message and nothing else.
    Message {
        /// The text of the error.
        raw: String,
    },
    /// `BUILT_IN_ERROR`: an error of the handler's language.
    Error {
        /// The type of the error.
        name: String,
        /// The error's own message.
        message: String,
        /// Its causes, one line each; empty without a cause.
        stack_trace: String,
    },
    /// `CUSTOM_ERROR`: an error of the application's own form.
    Custom {
        /// The error as JSON text.
        raw: String,
    },
    /// `INTERNAL_ERROR`: the worker could not execute the task.
    Internal {
        /// One of the engine's codes, such as `TASK_INPUT_ERROR`.
        code: String,
        /// What happened, in words.
        message: String,
    },
}

impl RunError {
    /// The error on one line of a log, truncated.
    pub(crate) fn summary(&self) -> String {
        let text = match self {
            Self::Message { raw } | Self::Custom { raw } => raw.clone(),
            Self::Error { name, message, .. } => format!("{name}: {message}"),
            Self::Internal { code, message } => format!("{code}: {message}"),
        };
        match text.char_indices().nth(LONGEST_SUMMARY) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

/// A failure's request about a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// As the policy decides.
    ByPolicy,
    /// After this pause, if the run has attempts left.
    After(Duration),
    Never,
    /// The run goes back to its queue without using up an attempt.
    Released,
}

impl Failure {
    /// A failure with only a message.
    pub fn message(message: impl Display) -> Self {
        Self::new(RunError::Message {
            raw: message.to_string(),
        })
    }

    /// A failure of the application's own form, kept as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind::Serialization) if `error` cannot be written as JSON.
    pub fn custom<T: Serialize + ?Sized>(error: &T) -> Result<Self, crate::Error> {
        let raw = serde_json::to_string(error)?;
        Ok(Self::new(RunError::Custom { raw }))
    }

    /// Requests a retry after this pause, kept to the millisecond, if the run has attempts left.
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry = Retry::After(pause);
        self
    }

    /// Ends the run: a retry would fail as well.
    pub fn no_retry(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }

    /// The error to report.
    pub fn error(&self) -> &RunError {
        &self.error
    }

    pub(crate) fn retry(&self) -> Retry {
        self.retry
    }

    fn new(error: RunError) -> Self {
        let retry = Retry::ByPolicy;
        Self { error, retry }
    }

    /// The failure with which a handler releases its run.
    pub(crate) fn release() -> Self {
        Self {
            retry: Retry::Released,
            ..Self::message("the handler released the run")
        }
    }

    /// A failure that no retry fixes.
    pub(crate) fn internal(code: &str, message: impl Display) -> Self {
        let error = RunError::Internal {
            code: code.to_owned(),
            message: message.to_string(),
        };
        Self::new(error).no_retry()
    }

    /// An error that another party reported: as text unless it is JSON.
    pub(crate) fn reported(error: &str) -> Self {
        match serde_json::from_str::<Value>(error) {
            Ok(_) => Self::new(RunError::Custom {
                raw: error.to_owned(),
            }),
            Err(_) => Self::message(error),
        }
    }

    /// The message of a panic, if it is text.
    pub(crate) fn panic(payload: &(dyn Any + Send)) -> Self {
        let message = if let Some(text) = payload.downcast_ref::<&str>() {
            (*text).to_owned()
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.clone()
        } else {
            "the handler panicked with a value that is not text".to_owned()
        };
        Self::new(RunError::Error {
            name: "panic".to_owned(),
            message,
            stack_trace: String::new(),
        })
    }

    pub(crate) fn to_json(&self) -> Value {
        match &self.error {
            RunError::Message { raw } => json!({"type": "STRING_ERROR", "raw": raw}),
            RunError::Error {
                name,
                message,
                stack_trace,
            } => json!({
                "type": "BUILT_IN_ERROR", "name": name, "message": message, "stackTrace": stack_trace,
            }),
            RunError::Custom { raw } => json!({"type": "CUSTOM_ERROR", "raw": raw}),
            RunError::Internal { code, message } => {
                json!({"type": "INTERNAL_ERROR", "code": code, "message": message})
            }
        }
    }
}

impl<E: StdError> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push(format!("caused by: {error}"));
            cause = error.source();
        }
        Self::new(RunError::Error {
            name: type_name::<E>().to_owned(),
            message: error.to_string(),
            stack_trace: causes.join("\n"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_standard_error_keeps_its_type_and_message() {
        let failure = Failure::from(io::Error::other("disk full"));
        assert_eq!(
            failure.to_json(),
            json!({
                "type": "BUILT_IN_ERROR", "name": "std::io::error::Error",
                "message": "disk full", "stackTrace": "",
            })
        );
    }

    #[test]
    fn causes_are_listed_outermost_first() {
        #[derive(Debug)]
        struct Outer(io::Error);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("cannot save")
            }
        }
        impl StdError for Outer {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                Some(&self.0)
            }
        }
        let failure = Failure::from(Outer(io::Error::other("disk full")));
        assert_eq!(failure.to_json()["stackTrace"], "caused by: disk full");
    }

    #[test]
    fn a_failure_asks_for_a_retry_as_the_policy_says_unless_it_says_otherwise() {
        let failure = Failure::message("no");
        assert_eq!(failure.retry(), Retry::ByPolicy);
        let pause = Duration::from_secs(9);
        assert_eq!(
            failure.clone().retry_after(pause).retry(),
            Retry::After(pause)
        );
        assert_eq!(failure.no_retry().retry(), Retry::Never);
        assert_eq!(Failure::internal("C", "no").retry(), Retry::Never);
    }

    #[test]
    fn an_error_of_the_applications_own_form_is_kept_as_json() {
        let failure = Failure::custom(&json!({"row": 7})).unwrap();
        assert_eq!(
            failure.to_json(),
            json!({"type": "CUSTOM_ERROR", "raw": "{\"row\":7}"})
        );
    }

    #[test]
    fn an_internal_failure_has_its_code() {
        assert_eq!(
            Failure::internal("TASK_INPUT_ERROR", "not a number").to_json(),
            json!({"type": "INTERNAL_ERROR", "code": "TASK_INPUT_ERROR", "message": "not a number"})
        );
    }

    #[test]
    fn a_panic_keeps_its_message() {
        for payload in [
            Box::new("index out of bounds") as Box<dyn Any + Send>,
            Box::new("index out of bounds".to_owned()),
        ] {
            let json = Failure::panic(&*payload).to_json();
            assert_eq!(json["name"], "panic");
            assert_eq!(json["message"], "index out of bounds");
        }
    }
}
