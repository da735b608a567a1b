//! What is kept of the error of a run that failed, so that failures of one kind are found together.

use serde_json::Value;

use crate::fingerprint::fingerprint;

/// Most characters of a message that are kept.
const MAX_MESSAGE: usize = 200;

/// The error of a failure, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code of the error, its name, or else its type.
    pub error_code: Option<String>,
    /// What messages of its kind have in common.
    pub fingerprint: String,
    /// The first line of the message, cut.
    pub message: String,
}

impl Failure {
    /// What is kept of an error as it is stored.
    #[must_use]
    pub fn of(error: Option<&Value>) -> Self {
        let text = |field: &str| {
            let text = error?.get(field)?.as_str()?;
            (!text.is_empty()).then_some(text)
        };
        let error_code = text("code").or(text("name")).or(text("type"));
        let message = text("message").or(text("raw")).unwrap_or_default();
        let line = message.lines().find(|line| !line.trim().is_empty());
        let line = line.unwrap_or_default().trim();
        Self {
            error_code: error_code.map(|code| cut(code, MAX_MESSAGE)),
            fingerprint: fingerprint(line),
            message: cut(line, MAX_MESSAGE),
        }
    }
}

/// The first characters of a text.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_has_the_code_or_the_name_or_the_type_of_its_error() {
        let code = |error: Value| Failure::of(Some(&error)).error_code;
        let internal = json!({"type": "INTERNAL_ERROR", "code": "TIMEOUT", "name": "n"});
        assert_eq!(code(internal).as_deref(), Some("TIMEOUT"));
        let built_in = json!({"type": "BUILT_IN_ERROR", "name": "TypeError", "message": "m"});
        assert_eq!(code(built_in).as_deref(), Some("TypeError"));
        let text = json!({"type": "STRING_ERROR", "raw": "m"});
        assert_eq!(code(text).as_deref(), Some("STRING_ERROR"));
        assert_eq!(Failure::of(None).error_code, None);
    }

    #[test]
    fn a_failure_keeps_the_first_line_of_its_message() {
        let error = json!({"type": "STRING_ERROR", "raw": "\n  no route to host 7\n  at line 3"});
        let failure = Failure::of(Some(&error));
        assert_eq!(failure.message, "no route to host 7");
        assert_eq!(failure.fingerprint, "no route to host 0");
        let long = json!({"type": "STRING_ERROR", "raw": "ä".repeat(9_000)});
        assert_eq!(
            Failure::of(Some(&long)).message.chars().count(),
            MAX_MESSAGE
        );
        let silent = json!({"type": "INTERNAL_ERROR", "code": "c", "message": ""});
        assert_eq!(Failure::of(Some(&silent)).message, "");
    }
}
