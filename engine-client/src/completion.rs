//! The end of an attempt.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Value, json};
use tokio_postgres::Row;

use crate::failure::Retry;
use crate::time::to_ms;
use crate::{AttemptStatus, Error, ExecutionStatus, Failure, RunId, RunStatus, SnapshotId};

/// The end of an attempt as the worker reports it.
///
/// ```
/// # fn main() -> Result<(), engine_client::Error> {
/// use engine_client::{Completion, Failure};
///
/// let success = Completion::success(&42)?;
/// let failure = Completion::failure(&Failure::message("no such file"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    json: Value,
}

impl Completion {
    /// Success with `output`, written as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Serialization`](crate::ErrorKind::Serialization) if `output` cannot be written as
    /// JSON.
    pub fn success<T: Serialize + ?Sized>(output: &T) -> Result<Self, Error> {
        let text = serde_json::to_string(output)?;
        Ok(Self::success_text(text, "application/json"))
    }

    /// Success with an output that is already text, with its media type.
    pub fn success_text(output: impl Into<String>, output_type: impl Into<String>) -> Self {
        let (output, output_type) = (output.into(), output_type.into());
        let json = json!({"ok": true, "output": output, "outputType": output_type});
        Self { json }
    }

    /// Failure, with its request about a retry; without a request, the run's policy applies.
    pub fn failure(failure: &Failure) -> Self {
        let json = json!({"ok": false, "error": failure.to_json()});
        match failure.retry() {
            Retry::ByPolicy => Self { json },
            Retry::After(pause) => Self { json }.retry_after(pause),
            Retry::Never => Self { json }.no_retry(),
            Retry::Released => Self { json }.retry_after(Duration::ZERO),
        }
    }

    /// Requests a retry after this pause, kept to the millisecond. For a short one the engine answers
    /// [`RetryImmediately`](crate::AttemptStatus::RetryImmediately): the worker keeps the run, and starts it again
    /// itself.
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.json["retry"] = json!({"delay": to_ms(pause)});
        self
    }

    /// Requests no retry, whatever the run's policy.
    pub fn no_retry(mut self) -> Self {
        self.json["retry"] = Value::Bool(false);
        self
    }

    /// How long the attempt took. Kept to the millisecond.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.json["usage"] = json!({"durationMs": to_ms(duration)});
        self
    }

    /// An element of `engine_complete_many`.
    pub(crate) fn to_element(&self, run_id: &RunId, snapshot_id: &SnapshotId) -> Value {
        let mut element = self.json.clone();
        element["run_id"] = json!(run_id.as_str());
        element["snapshot_id"] = json!(snapshot_id.as_str());
        element
    }

    /// The argument of `engine_complete_attempt`.
    pub fn as_json(&self) -> &Value {
        &self.json
    }
}

/// The outcome of a completion.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completed {
    /// The completed run.
    pub run_id: RunId,
    /// The run's latest snapshot.
    pub snapshot_id: SnapshotId,
    /// Whether the run finished or is retried.
    pub attempt_status: AttemptStatus,
    /// Execution status of the run.
    pub execution_status: ExecutionStatus,
    /// The run's status for its owner.
    pub run_status: RunStatus,
    /// Number of the completed attempt.
    pub attempt_number: Option<i32>,
    /// When the next attempt is due, if there is one.
    pub retry_at: Option<SystemTime>,
}

impl Completed {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            run_id: row.try_get("run_id")?,
            snapshot_id: row.try_get("snapshot_id")?,
            attempt_status: row.try_get("attempt_status")?,
            execution_status: row.try_get("execution_status")?,
            run_status: row.try_get("run_status")?,
            attempt_number: row.try_get("attempt_number")?,
            retry_at: row.try_get("retry_at")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_carries_its_output_as_text() {
        let completion = Completion::success(&json!({"lines": 3}))
            .unwrap()
            .duration(Duration::from_millis(12));
        assert_eq!(
            *completion.as_json(),
            json!({
                "ok": true, "output": "{\"lines\":3}", "outputType": "application/json",
                "usage": {"durationMs": 12},
            })
        );
    }

    #[test]
    fn a_failure_carries_its_error() {
        let completion = Completion::failure(&Failure::message("no such file"));
        assert_eq!(
            *completion.as_json(),
            json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no such file"}})
        );
        let again = completion.retry_after(Duration::from_secs(2));
        assert_eq!(again.as_json()["retry"], json!({"delay": 2000}));
        let hopeless = Failure::message("no such file").no_retry();
        assert_eq!(
            Completion::failure(&hopeless).as_json()["retry"],
            json!(false)
        );
    }
}
