//! Why an attempt failed.

use std::any::{Any, type_name};
use std::error::Error as StdError;
use std::fmt::Display;

use serde_json::{Value, json};

/// Why an attempt failed: what a handler returns as its error.
///
/// Every standard error becomes one through `?`. Text, and errors that do not implement
/// [`std::error::Error`], go through [`Failure::message`].
///
/// ```
/// use engine_client::Failure;
///
/// async fn count_lines(path: String) -> Result<usize, Failure> {
///     let text = std::fs::read_to_string(&path)?;
///     if text.is_empty() {
///         return Err(Failure::message("the file is empty"));
///     }
///     Ok(text.lines().count())
/// }
/// ```
//
// It does not implement std::error::Error itself: that would overlap with the conversion from all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// `STRING_ERROR`: a message and nothing else.
    Message {
        /// The message.
        raw: String,
    },
    /// `BUILT_IN_ERROR`: an error of the handler's language.
    Error {
        /// The type of the error.
        name: String,
        /// What it says.
        message: String,
        /// What caused it, one line per cause; empty if it has no cause.
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
        /// What happened.
        message: String,
    },
}

impl Failure {
    /// A failure that is only a message.
    pub fn message(message: impl Display) -> Self {
        Self::Message {
            raw: message.to_string(),
        }
    }

    pub(crate) fn internal(code: &str, message: impl Display) -> Self {
        Self::Internal {
            code: code.to_owned(),
            message: message.to_string(),
        }
    }

    /// What a panic left behind: its message, if it is text.
    pub(crate) fn panic(payload: &(dyn Any + Send)) -> Self {
        let message = if let Some(text) = payload.downcast_ref::<&str>() {
            (*text).to_owned()
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.clone()
        } else {
            "the handler panicked with a value that is not text".to_owned()
        };
        Self::Error {
            name: "panic".to_owned(),
            message,
            stack_trace: String::new(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Message { raw } => json!({"type": "STRING_ERROR", "raw": raw}),
            Self::Error {
                name,
                message,
                stack_trace,
            } => json!({
                "type": "BUILT_IN_ERROR", "name": name, "message": message, "stackTrace": stack_trace,
            }),
            Self::Custom { raw } => json!({"type": "CUSTOM_ERROR", "raw": raw}),
            Self::Internal { code, message } => {
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
        Self::Error {
            name: type_name::<E>().to_owned(),
            message: error.to_string(),
            stack_trace: causes.join("\n"),
        }
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
        let Failure::Error { stack_trace, .. } = Outer(io::Error::other("disk full")).into() else {
            panic!("not an error");
        };
        assert_eq!(stack_trace, "caused by: disk full");
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
