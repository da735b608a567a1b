//! Why a run is where it is, on one line.

use serde_json::Value;

use crate::moment::{Moment, span};
use crate::query::run_list::Listed;
use crate::redact::Redactor;

/// An error on one line: its code or type, and the first line of its message.
pub(super) fn error_line(redactor: &Redactor, error: &Value) -> String {
    let (kind, message) = error_parts(error);
    let line = message.lines().next().unwrap_or_default();
    let line = redactor.text(line);
    match kind {
        Some(kind) if !line.is_empty() => format!("{kind} {line}"),
        Some(kind) => kind,
        None => line,
    }
}

/// An error in full: its message, and its causes or stack.
pub(super) fn error_text(redactor: &Redactor, error: &Value) -> String {
    let (_, message) = error_parts(error);
    let stack = error["stackTrace"].as_str().unwrap_or_default();
    let text = if stack.is_empty() || message.contains(stack) {
        message
    } else {
        format!("{message}\n{stack}")
    };
    redactor.text(&text)
}

/// The name of an error, if it says more than that it is one, and its message.
fn error_parts(error: &Value) -> (Option<String>, String) {
    let text = |key: &str| {
        error[key]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let kind = text("code").or_else(|| text("name"));
    let kind = kind
        .or_else(|| text("type").filter(|kind| kind != "STRING_ERROR" && kind != "INTERNAL_ERROR"));
    let message = text("message").or_else(|| text("raw"));
    (kind, message.unwrap_or_default())
}

/// Why a run of a list is where it is.
pub(super) fn of(redactor: &Redactor, run: &Listed, now: Moment) -> String {
    let queue = &run.queue;
    match run.run_status.as_str() {
        "PENDING" | "PAUSED" => match run.available_at {
            Some(at) if at > now => format!("due in {}", span(at.ms_since(now))),
            Some(at) => format!("due for {} in queue {queue}", span(now.ms_since(at))),
            None => String::new(),
        },
        "DELAYED" => match run.delay_until {
            Some(at) => format!("until {}", at.brief(now)),
            None => String::new(),
        },
        "RETRYING_AFTER_FAILURE" => {
            let next = match run.available_at {
                Some(at) if at > now => format!("next in {}", span(at.ms_since(now))),
                Some(_) => format!("due in queue {queue}"),
                None => "in its pause".to_owned(),
            };
            match &run.error {
                Some(error) => format!("{next}; {}", error_line(redactor, error)),
                None => next,
            }
        }
        "EXPIRED" => match &run.ttl {
            Some(ttl) => format!("its ttl of {ttl} was over before a worker took it"),
            None => String::new(),
        },
        "COMPLETED_SUCCESSFULLY" => String::new(),
        _ => match (&run.error, &run.status_reason) {
            (Some(error), _) if run.is_dead_lettered => {
                format!("a dead letter: {}", error_line(redactor, error))
            }
            (Some(error), _) => error_line(redactor, error),
            (None, Some(reason)) => reason.clone(),
            (None, None) => String::new(),
        },
    }
}
