//! Errors and retries as workers report them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// An error of the task itself.
pub fn user_error() -> Value {
    json!({"type": "BUILT_IN_ERROR", "name": "UserError", "message": "This is a user error", "stackTrace": ""})
}

/// An error of the worker or its host.
pub fn internal_error(code: &str) -> Value {
    json!({"type": "INTERNAL_ERROR", "code": code})
}

/// The process was killed for its memory use.
pub fn out_of_memory() -> Value {
    json!({"type": "INTERNAL_ERROR", "code": "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE",
           "message": "Process exited with code -1 after signal SIGKILL.",
           "stackTrace": "JavaScript heap out of memory"})
}

/// A failure after which the worker requests no retry.
pub fn failure(error: Value) -> Value {
    json!({"ok": false, "error": error})
}

/// A failure after which the worker requests a retry, `delay_ms` milliseconds from now.
pub fn failure_with_retry(error: Value, delay_ms: u64) -> Value {
    json!({"ok": false, "error": error, "retry": {"timestamp": unix_ms() + delay_ms, "delay": delay_ms}})
}

/// The worker has stopped because its run was cancelled.
pub fn cancel_confirmed() -> Value {
    failure(internal_error("TASK_RUN_CANCELLED"))
}

/// Milliseconds since 1970.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
